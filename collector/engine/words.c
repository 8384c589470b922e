#include "words.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "registry.h"
#include "text.h"
#include "unit.h"

#define LINK_MAX 320

static const char *state_word(enum state s, bool chinese)
{
	static const char *const zh[] = {"正常", "警告", "危急", "不明"}, *const en[] = {"ok", "warning", "critical", "unknown"};

	return (chinese ? zh : en)[s];
}

static const char *reason_text(enum escalation_reason r, bool chinese)
{
	static const char *const zh[] = {"新事件", "尚無人確認，依序通報", "情況惡化", "有新的發現", "定時回報", "確認已到期", "再度發生",
		"已恢復"};
	static const char *const en[] = {"new", "nobody has acknowledged it yet", "it got worse", "more was found",
		"report at an interval", "the acknowledgement is over", "it is back", "recovered"};

	return (chinese ? zh : en)[r];
}

static const char *reason_word(enum escalation_reason r, const struct incident *i, bool chinese)
{
	if (r == ESCALATION_REPEAT && !i->acknowledged)
		return chinese ? "仍無人確認，再次通報" : "still nobody has acknowledged it: told again";
	return reason_text(r, chinese);
}

/* By what the incident is best named: its worst finding; where more was found, what was found last. NULL: it has none of a
 * rule. */
static const struct finding *best_finding(const struct incident *i, enum escalation_reason why)
{
	const struct finding *best = NULL;

	for (size_t k = 0; k < i->n; k++) {
		const struct finding *f = &i->findings[k];

		if (!*f->rule)
			continue;
		if (!best || (why == ESCALATION_MORE && f->state != STATE_OK && (f->changed > best->changed || best->state == STATE_OK)) ||
		    (why != ESCALATION_MORE && state_rank(f->state) > state_rank(best->state)) ||
		    (why == ESCALATION_WORSE && f->state == best->state && f->changed > best->changed))
			best = f;
	}
	return best;
}

static const char *title(const struct rule *rule, const struct kind *kind, bool chinese)
{
	if (rule)
		return chinese ? rule->title_zh : rule->title_en;
	return !kind ? "" : chinese ? kind->title_zh : kind->title_en;
}

static void put_when(int64_t wall_ns, char buf[40])
{
	time_t t = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(buf, 40, "%Y-%m-%d %H:%M:%S %z", &tm);
}

static void put_link(const struct site *s, uint64_t incident, char buf[LINK_MAX])
{
	size_t n = s->address ? strlen(s->address) : 0;

	buf[0] = 0;
	if (n)
		snprintf(buf, LINK_MAX, "%s%s#/incident/%llu", s->address, s->address[n - 1] == '/' ? "" : "/",
			 (unsigned long long)incident);
}

struct facts {
	const struct due *due;
	const struct incident *incident;
	const char *host, *title, *clause, *role;
	enum state state;	/* of what the notice is about */
	uint64_t more_events;
	char when[40], link[LINK_MAX], more[96];
};

static void put_text(const struct site *s, const struct facts *f, bool chinese, struct words *ret)
{
	const struct incident *i = f->incident;
	const char *state = state_word(f->state, chinese), *reason = reason_word(f->due->reason, i, chinese);

	snprintf(ret->subject, sizeof(ret->subject), chinese ? "[%s] %s：%s（%s）" : "[%s] %s: %s (%s)", s->title, f->host, state,
		 f->title);
	snprintf(ret->text, sizeof(ret->text),
		 chinese ? "資產：%s\n狀態：%s\n事件：%s（%s，第 %llu 號）\n條款：%s %s\n原因：%s\n通報對象：%s（%s）\n時間：%s\n%s%s%s\n"
			 : "Asset: %s\nState: %s\nIncident: %s (%s, number %llu)\nClause: %s %s\nWhy now: %s\nTold as: %s (%s)\nTime: %s\n%s%s%s\n",
		 f->host, state, f->title, i->kind, (unsigned long long)i->id, s->procedure->number, f->clause, reason, f->role,
		 f->due->clause, f->when, f->more, f->link[0] ? (chinese ? "連結：" : "Link: ") : "", f->link);
}

static char *put_json(const struct site *s, const struct facts *f, const struct words *w)
{
	const struct incident *i = f->incident;
	json_t *o = json_pack("{s:i, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "version", 1, "id", f->due->id,
			      "reason", escalation_reason_name(f->due->reason), "incident", (json_int_t)i->id, "kind", i->kind,
			      "host", f->host, "state", state_name(f->state), "title", f->title, "clause", f->clause, "school",
			      s->school, "role", f->due->role, "time", f->when, "link", f->link, "text", w->subject, "more_events",
			      (json_int_t)f->more_events);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

void words_of(const struct site *s, const struct due *due, const struct incident *i, const char *host, uint64_t more_events,
	      int64_t now_wall, struct words *ret)
{
	bool chinese = due->person->chinese;
	const struct finding *best = best_finding(i, due->reason);
	const struct rule *rule = best ? procedure_rule(s->procedure, best->rule) : NULL;
	const struct role *role = procedure_role(s->procedure, due->role);
	struct facts f = {.due = due, .incident = i, .more_events = more_events, .title = title(rule, procedure_kind(s->procedure, i->kind), chinese),
		.clause = best ? best->clause : "", .role = !role ? due->role : chinese ? role->title_zh : role->title_en};
	char asset[128];

	f.state = best && due->reason == ESCALATION_MORE ? best->state : i->severity;
	f.host = text_escape(host, strlen(host), asset, sizeof(asset));
	put_when(now_wall, f.when);
	put_link(s, i->id, f.link);
	if (more_events)
		snprintf(f.more, sizeof(f.more), chinese ? "主機紀錄：另有 %llu 筆僅計數\n" : "Events: and %llu more, which were only counted\n",
			 (unsigned long long)more_events);
	put_text(s, &f, chinese, ret);
	ret->json = put_json(s, &f, ret);
}

void words_checkpoint(const struct site *s, bool chinese, uint64_t number, int64_t signed_wall, const char *line, struct words *ret)
{
	char when[40];

	put_when(signed_wall, when);
	snprintf(ret->subject, sizeof(ret->subject), chinese ? "[%s] 日誌檢查點：第 %llu 筆" : "[%s] the journal's checkpoint: entry %llu", s->title,
		 (unsigned long long)number);
	snprintf(ret->text, sizeof(ret->text),
		 chinese ? "Beadle 的日誌於 %s 簽署至第 %llu 筆（%s 5.7.4）。請保存本郵件：日後若有人更改或截斷日誌，可憑下列檢查點發現。\n\n%s\n\n"
			   "檢查時，將「checkpoint」開頭的整行存成檔案 FILE，執行：\n  beadle-audit-verify --key checkpoint.pem --witness FILE 匯出檔\n"
			 : "Beadle's journal was signed at %s, up to entry %llu (%s 5.7.4). Keep this mail: with this checkpoint, whoever changes the "
			   "journal or cuts it off later is found out.\n\n%s\n\n"
			   "To check, put the whole line that begins with \"checkpoint\" into a file FILE, and run:\n"
			   "  beadle-audit-verify --key checkpoint.pem --witness FILE EXPORT\n",
		 when, (unsigned long long)number, s->procedure->number, line);
	ret->json = NULL;
}

char *words_finding(const struct curve *c, double value, const char *why, char *buf, size_t room)
{
	struct rule_label labels[REGISTRY_LABELS + 1];
	size_t at = 0;
	char number[64];

	buf[0] = 0;
	for (const struct rule_label *l = c ? registry_labels(c, labels) : NULL; l && l->name && at + 8 < room; l++) {
		char text[128];

		text_escape(l->pattern, strlen(l->pattern), text, sizeof(text));
		at += (size_t)snprintf(buf + at, room - at, "%s%s=%s", at ? " " : "", l->name, text);
	}
	if (at >= room)
		return buf;
	if (why)
		snprintf(buf + at, room - at, "%s%s", at ? ": " : "", why);
	else if (c)
		snprintf(buf + at, room - at, "%s%s", at ? ": " : "", unit_put(value, registry_unit(c), number, sizeof(number)));
	return buf;
}
