/* site.h - the school's facts as configured: who it is, its procedure, its people. Read once at start. */
#ifndef SITE_H
#define SITE_H

#include "collector/procedure/people.h"
#include "collector/procedure/procedure.h"

struct site {
	const char *school, *name;		/* "twvs"; this collector's */
	const char *file;			/* collector.yaml */
	char *procedure_file;
	char digest[65], procedure_digest[65];	/* SHA-256 of both, in hex, as they were read; "": one could not be */
	const char *title;			/* the school's name for people; school where none is given */
	const char *address;			/* of the dashboard, for links in notices: "https://..."; NULL: none */
	bool chinese;				/* language: zh-TW (else en) */
	bool second_factor;			/* roles that change or sign need one */
	bool mails;				/* a mail server is configured */
	struct procedure *procedure;
	struct people *people;
	struct inventory *inventory;
	struct conf *metrics;			/* owns the inventory's texts */
	const struct conf_node *groups;		/* assignments: group -> checks; may be NULL */
};

/* Reads its items of collector.yaml (school name title language second-factor procedure people roles hosts groups) and marks notify as known. Texts
 * belong to the conf. All problems are told; counts only without any. NULL: no memory. */
struct site *site_read(const struct conf_node *root, struct problems *);
void site_free(struct site *);

#endif
