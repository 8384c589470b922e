/* renew.h - the dashboard's own certificate: how long it lasts is told to the collector, which has a rule for it; and when it is 30 days old,
 * its successor is asked for, with a new key, and shown to those who come from then on. One that our own root did not make is left alone. */
#ifndef WEB_RENEW_H
#define WEB_RENEW_H

struct asks;
struct door;
struct event_base;
struct renew;

struct renew *renew_new(struct event_base *, struct asks *, struct door *, const char *folder);
void renew_free(struct renew *);

#endif
