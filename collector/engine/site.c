#include "site.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assignment.h"
#include "cleanup.h"
#include "collector/audit/checkpoint.h"
#include "io.h"

#define FILE_MAX (1024 * 1024)		/* as conf.h has it */
#include "installed.h"

/* For the journal: which configuration was taken up. */
static void digest_of(const char *file, char ret[65])
{
	FREE char *text = NULL;
	uint8_t hash[ENTRY_HASH];
	size_t n;

	*ret = 0;
	if (io_read_file(file, FILE_MAX, &text, &n) == 0 && entry_sha256(text, n, hash) == 0)
		checkpoint_hex(hash, ENTRY_HASH, ret);
}

/* Relative names are relative to the file that says them. */
static void beside(const char *file, const char *name, char ret[PATH_MAX])
{
	const char *slash = strrchr(file, '/');

	if (name[0] == '/' || !slash)
		snprintf(ret, PATH_MAX, "%s", name);
	else
		snprintf(ret, PATH_MAX, "%.*s/%s", (int)(slash - file), file, name);
}

/* Written at build by beadle-config --inventory; in the build tree while nothing is installed. */
static void read_inventory(struct site *s, struct problems *p)
{
	const char *build = getenv("BEADLE_LIBEXEC");
	size_t before;
	char path[PATH_MAX] = PKGDATADIR "/metrics.yaml";

	if (build)
		snprintf(path, sizeof(path), "%s/metrics.yaml", build);
	before = problems_count(p);
	s->metrics = conf_read(path, p);
	if (s->metrics && problems_count(p) == before)
		s->inventory = inventory_read(conf_root(s->metrics), p);
}

static void read_procedure(struct site *s, const struct conf_node *root, struct problems *p)
{
	const char *name;
	char path[PATH_MAX];

	conf_string(root, "procedure", "procedure/TWVS-ISMS-B-007.yaml", &name, p);
	beside(conf_file(root), name, path);
	s->procedure_file = strdup(path);
	digest_of(path, s->procedure_digest);
	if (s->inventory)
		s->procedure = procedure_read(path, s->inventory, p);
}

struct site *site_read(const struct conf_node *root, struct problems *p)
{
	static const char *const languages[] = {"zh-TW", "en", NULL}, *const needs[] = {"required", "optional", NULL};
	struct site *s = calloc(1, sizeof(*s));
	bool readable = problems_count(p) == 0;		/* else it is no YAML, and misses everything */
	int language, need;

	if (!s)
		return NULL;
	s->file = conf_file(root);
	digest_of(s->file, s->digest);
	conf_string(root, "school", NULL, &s->school, p);
	if (!s->school && readable)
		problem(p, conf_file(root), 0, "school", "is missing: a short name in a-z 0-9 . -, for certificates");
	else if (s->school && (strlen(s->school) > 63 || s->school[strspn(s->school, "abcdefghijklmnopqrstuvwxyz0123456789.-")]))
		problem(p, conf_file(root), conf_line(conf_get(root, "school")), "school",
			"\"%.70s\": expected a short name in a-z 0-9 . -, for certificates; title: is for people", s->school);
	conf_string(root, "name", "collector", &s->name, p);
	conf_string(root, "title", s->school, &s->title, p);
	conf_string(root, "address", NULL, &s->address, p);
	conf_choice(root, "language", languages, 0, &language, p);
	s->chinese = language == 0;
	conf_choice(root, "second-factor", needs, 0, &need, p);
	s->second_factor = need == 0;
	if (s->address && strncmp(s->address, "https://", 8))
		problem(p, conf_file(root), conf_line(conf_get(root, "address")), "address", "\"%s\": expected https://HOST:PORT/",
			s->address);
	read_inventory(s, p);
	read_procedure(s, root, p);
	s->people = people_read(root, s->chinese, p);
	if (s->people && s->procedure)
		people_check_roles(s->people, s->procedure->role_ids, p);
	s->groups = conf_map(root, "groups", p);
	assignment_check(s->groups, p);
	s->mails = conf_get(conf_get(root, "notify"), "mail");	/* the rest of notify is read and checked by the notifier */
	conf_get(root, "dashboard");	/* these two are the launcher's */
	conf_get(root, "listen");
	return s;
}

void site_free(struct site *s)
{
	if (!s)
		return;
	people_free(s->people);
	procedure_free(s->procedure);
	inventory_free(s->inventory);
	conf_free(s->metrics);
	free(s->procedure_file);
	free(s);
}
