#include "conf.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "cleanup.h"
#include "io.h"
#include "text.h"
#include "vec.h"

#define FILE_MAX (1024 * 1024)
#define DEPTH_MAX 16
#define NODES_MAX 100000

struct conf_node {
	struct conf *conf;
	enum conf_type type;
	unsigned line;
	bool asked;
	char *key, *value;
	VEC(struct conf_node *) members;
	VEC(char *) wanted;	/* of a map: every key that was asked for, there or not */
};

struct conf {
	char *name;
	struct conf_node *root;
	size_t nodes;
};

/* ---- from libyaml's events to the tree ---- */

struct reader { struct conf *conf; yaml_parser_t parser; struct problems *problems; bool failed; };

static void fail(struct reader *r, size_t line, const char *text)
{
	if (!r->failed)	/* what follows a syntax error is noise */
		problem(r->problems, r->conf->name, (unsigned)line, NULL, "%s", text);
	r->failed = true;
}

static void node_free(struct conf_node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->members.n; i++)
		node_free(n->members.at[i]);
	vec_free(&n->members);
	for (size_t i = 0; i < n->wanted.n; i++)
		free(n->wanted.at[i]);
	vec_free(&n->wanted);
	free(n->key);
	free(n->value);
	free(n);
}

static struct conf_node *node_new(struct reader *r, enum conf_type type, size_t line)
{
	struct conf_node *n;

	if (r->conf->nodes++ >= NODES_MAX) {
		fail(r, line, "too many items: at most 100000 in a file");
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		fail(r, line, "no memory");
		return NULL;
	}
	*n = (struct conf_node){.conf = r->conf, .type = type, .line = (unsigned)line};
	return n;
}

static bool next(struct reader *r, yaml_event_t *e)
{
	if (r->failed)
		return false;
	if (!yaml_parser_parse(&r->parser, e)) {
		fail(r, r->parser.problem_mark.line + 1,
		     r->parser.problem ? r->parser.problem : "this is not YAML in UTF-8");
		return false;
	}
	return true;
}

static bool plain(struct reader *r, const yaml_event_t *e)
{
	size_t line = e->start_mark.line + 1;

	if (e->type == YAML_ALIAS_EVENT) {
		fail(r, line, "aliases (*name) are not used here: write the value out");
		return false;
	}
	if ((e->type == YAML_SCALAR_EVENT && (e->data.scalar.anchor || e->data.scalar.tag)) ||
	    (e->type == YAML_SEQUENCE_START_EVENT && (e->data.sequence_start.anchor || e->data.sequence_start.tag)) ||
	    (e->type == YAML_MAPPING_START_EVENT && (e->data.mapping_start.anchor || e->data.mapping_start.tag))) {
		fail(r, line, "anchors (&name) and tags (!name) are not used here");
		return false;
	}
	return true;
}

static struct conf_node *read_node(struct reader *, yaml_event_t *, unsigned depth);

static const struct conf_node *member(const struct conf_node *map, const char *key)
{
	for (size_t i = 0; map && i < map->members.n; i++)
		if (map->members.at[i]->key && !strcmp(map->members.at[i]->key, key))
			return map->members.at[i];
	return NULL;
}

static void keep(struct reader *r, struct conf_node *parent, struct conf_node *child)
{
	struct conf_node **slot = vec_push(&parent->members);

	if (slot) {
		*slot = child;
		return;
	}
	node_free(child);
	fail(r, parent->line, "no memory");
}

/* Returns the key's text, or NULL at the end of the map or after a failure. */
static char *read_key(struct reader *r, size_t *ret_line)
{
	yaml_event_t e;
	char *key = NULL;

	if (!next(r, &e))
		return NULL;
	*ret_line = e.start_mark.line + 1;
	if (e.type == YAML_SCALAR_EVENT && plain(r, &e)) {
		if (strlen((char *)e.data.scalar.value) != e.data.scalar.length)
			fail(r, *ret_line, "a key holds a NUL byte");
		else
			key = strdup((char *)e.data.scalar.value);
	} else if (e.type != YAML_MAPPING_END_EVENT)
		fail(r, *ret_line, "a key must be a plain text");
	yaml_event_delete(&e);
	return key;
}

static void read_map(struct reader *r, struct conf_node *map, unsigned depth)
{
	size_t line = 0;
	char *key;

	while ((key = read_key(r, &line))) {
		const struct conf_node *twin = member(map, key);
		struct conf_node *child = NULL;
		yaml_event_t e;

		if (next(r, &e))
			child = read_node(r, &e, depth + 1);
		if (!child) {
			free(key);
			return;
		}
		if (twin) {
			problem(r->problems, r->conf->name, (unsigned)line, key, "is here twice: first in line %u", twin->line);
			free(key);
			node_free(child);
			continue;
		}
		child->key = key;
		child->line = (unsigned)line;
		keep(r, map, child);
	}
}

static void read_list(struct reader *r, struct conf_node *list, unsigned depth)
{
	yaml_event_t e;

	while (next(r, &e)) {
		struct conf_node *child;

		if (e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return;
		}
		child = read_node(r, &e, depth + 1);
		if (!child)
			return;
		keep(r, list, child);
	}
}

/* Takes the event over. */
static struct conf_node *read_node(struct reader *r, yaml_event_t *e, unsigned depth)
{
	size_t line = e->start_mark.line + 1;
	struct conf_node *n = NULL;

	if (!plain(r, e))
		;
	else if (depth > DEPTH_MAX)
		fail(r, line, "nested too deeply: at most 16 levels");
	else if (e->type == YAML_SCALAR_EVENT) {
		n = node_new(r, CONF_TEXT, line);
		if (n && strlen((char *)e->data.scalar.value) != e->data.scalar.length)
			fail(r, line, "a value holds a NUL byte");
		if (n && !(n->value = strdup((char *)e->data.scalar.value)))
			fail(r, line, "no memory");
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		n = node_new(r, CONF_MAP, line);
		if (n)
			read_map(r, n, depth);
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		n = node_new(r, CONF_LIST, line);
		if (n)
			read_list(r, n, depth);
	} else
		fail(r, line, "expected a value, a list or a map");
	yaml_event_delete(e);
	if (r->failed) {
		node_free(n);
		return NULL;
	}
	return n;
}

static void read_document(struct reader *r)
{
	unsigned documents = 0;
	yaml_event_t e;
	bool end = false;

	while (!end && next(r, &e)) {
		if (e.type == YAML_DOCUMENT_START_EVENT && documents++)
			fail(r, e.start_mark.line + 1, "one document a file: take the second --- out");
		end = e.type == YAML_STREAM_END_EVENT;
		if (e.type == YAML_STREAM_START_EVENT || e.type == YAML_DOCUMENT_START_EVENT ||
		    e.type == YAML_DOCUMENT_END_EVENT || end) {
			yaml_event_delete(&e);
			continue;
		}
		r->conf->root = read_node(r, &e, 0);
	}
	if (r->conf->root && r->conf->root->type != CONF_MAP) {
		fail(r, r->conf->root->line, "expected a map (name: value) at the top of the file");
		node_free(r->conf->root);
		r->conf->root = NULL;
	}
}

struct conf *conf_parse(const char *text, size_t n, const char *name, struct problems *problems)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct reader r = {.conf = c, .problems = problems};

	if (!c)
		return NULL;
	c->name = strdup(name);
	if (yaml_parser_initialize(&r.parser)) {
		yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
		read_document(&r);
		yaml_parser_delete(&r.parser);
	}
	if (r.failed) {
		node_free(c->root);
		c->root = NULL;
	}
	if (!c->root) {
		r.failed = false;
		c->root = node_new(&r, CONF_MAP, 1);
	}
	if (!c->root || !c->name) {
		conf_free(c);
		return NULL;
	}
	return c;
}

static void tell_closed(const char *path, struct problems *problems)
{
	const struct passwd *user = getpwuid(geteuid());

	problem(problems, path, 0, NULL, "the user %s may not read it: let it, with chmod or chgrp, and each folder above it",
		user ? user->pw_name : "of this process");
}

struct conf *conf_read(const char *path, struct problems *problems)
{
	FREE char *text = NULL;
	size_t n = 0;
	int r = io_read_file(path, FILE_MAX, &text, &n);

	if (r == -EFBIG)
		problem(problems, path, 0, NULL, "is larger than 1 MiB");
	else if (r == -EACCES)
		tell_closed(path, problems);
	else if (r < 0)
		problem(problems, path, 0, NULL, "cannot be read: %s", strerror(-r));
	return conf_parse(text ? text : "", n, path, problems);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	node_free(c->root);
	free(c->name);
	free(c);
}

/* ---- looking at the tree ---- */

const struct conf_node *conf_root(const struct conf *c) { return c->root; }
const char *conf_file(const struct conf_node *n) { return n->conf->name; }
unsigned conf_line(const struct conf_node *n) { return n->line; }
enum conf_type conf_type(const struct conf_node *n) { return n->type; }
size_t conf_count(const struct conf_node *n) { return n ? n->members.n : 0; }
const char *conf_key(const struct conf_node *n) { return n->key; }
const char *conf_value(const struct conf_node *n) { return n->value; }

const struct conf_node *conf_at(const struct conf_node *n, size_t i)
{
	return n && i < n->members.n ? n->members.at[i] : NULL;
}

/* Marks for conf_done; they are not part of what is read, so the tree stays const to its readers. */
static void want(struct conf_node *map, const char *key)
{
	char **slot;

	for (size_t i = 0; i < map->wanted.n; i++)
		if (!strcmp(map->wanted.at[i], key))
			return;
	slot = vec_push(&map->wanted);
	if (slot && !(*slot = strdup(key)))
		map->wanted.n--;
}

const struct conf_node *conf_get(const struct conf_node *map, const char *key)
{
	struct conf_node *n = (struct conf_node *)member(map, key);

	if (map)
		want((struct conf_node *)map, key);
	if (n)
		n->asked = true;
	return n;
}

const struct conf_node *conf_need(const struct conf_node *map, const char *key, struct problems *p)
{
	const struct conf_node *n = conf_get(map, key);

	if (!n && map)
		problem(p, conf_file(map), map->line, key, "is missing");
	return n;
}

void conf_done(const struct conf_node *map, struct problems *p)
{
	for (size_t i = 0; map && i < map->members.n; i++) {
		const struct conf_node *n = map->members.at[i];
		const char *nearest;

		if (n->asked || !n->key)
			continue;
		nearest = text_nearest(n->key, (const char *const *)map->wanted.at, map->wanted.n);
		if (nearest)
			problem(p, conf_file(n), n->line, n->key, "is not known here (did you mean \"%s\"?)", nearest);
		else
			problem(p, conf_file(n), n->line, n->key, "is not known here");
	}
}
