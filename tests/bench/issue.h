/* issue.h - a school of its own for load and tests: a CA, the collector's folder, and as many agents as need be, in memory. */
#ifndef ISSUE_H
#define ISSUE_H

#include <openssl/ssl.h>

#define ISSUE_SCHOOL "bench"

/* Makes FOLDER/ca.pem, FOLDER/ca-key.pem and FOLDER/identity/ (ca, cert, key of the collector). Exits with a line on failure. */
void issue_school(const char *folder);
/* A client's context for agent `number`, signed by FOLDER's CA; its UUID goes to `uuid`. */
SSL_CTX *issue_agent(const char *folder, unsigned number, char uuid[37]);

#endif
