// One host: what it is, what its checks say, against which bounds of which clause.
import { useEffect, useState } from "preact/hooks";
import { get } from "../api";
import { duration, moment, quantity } from "../format";
import { Ago, Clauses, Failure, IncidentMark, isHot, Labels, Loading, presence, severityOrder, Shape, StateMark } from "../parts";
import { useStore } from "../store";
import type { Bound, Check, Host, Rule, Series } from "../types";
import { aboutOf, say, titled, useWords } from "../words";
import { Chart } from "../chart";

function boundText(bound: Bound, rule: Rule): string {
  if (rule.unit === "boolean") return "";	// the title says what it is
  const op = rule.direction === "above" ? (bound.strict ? ">" : "≥") : (bound.strict ? "<" : "≤");
  return `${op} ${quantity(bound.at, rule.unit)}`;
}

function BoundLine({ bound, rule, state }: { bound: Bound | null; rule: Rule; state: "warning" | "critical" }) {
  if (!bound) return null;
  return (
    <span class={`bound ${state}`} title={say(bound.stated ? "stated" : "setting")}>
      <Shape state={state} />{boundText(bound, rule)}{bound.stated ? "" : " ≈"}
    </span>
  );
}

/** Of a boolean: whether it is as the rule's title says. "Antivirus not running: no" would read as its opposite. */
function valueText(s: Series, rule: Rule | undefined): string {
  const bound = rule?.critical ?? rule?.warning;
  if (s.unit !== "boolean" || s.value === null || !rule || !bound) return quantity(s.value, s.unit);
  return say((rule.direction === "above" ? s.value >= bound.at : s.value <= bound.at) ? "is_so" : "is_not_so");
}

/** A value between 0 and 1 on its scale, with the bounds marked. */
function Scale({ s, rule }: { s: Series; rule: Rule }) {
  if (s.unit !== "ratio" || s.value === null) return null;
  const at = (v: number): number => Math.max(0, Math.min(1, v)) * 100;
  return (
    <svg class="scale" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" rx="3" />
      <rect class={`fill ${s.state}`} width={at(s.value)} height="6" rx="3" />
      {rule.warning && <rect class="tick warning" x={at(rule.warning.at) - 0.3} width="0.6" height="6" />}
      {rule.critical && <rect class="tick critical" x={at(rule.critical.at) - 0.3} width="0.6" height="6" />}
    </svg>
  );
}

function SeriesRow({ s, rule }: { s: Series; rule: Rule | undefined }) {
  const [open, setOpen] = useState(false);
  const name = rule ? titled(rule) : s.metric;
  return (
    <>
      <tr class={`series ${s.state}`}>
        <td>
          <button type="button" class="row-button" aria-expanded={open} title={say("show_history", { name })} onClick={() => setOpen(!open)}>
            <svg class="chevron" viewBox="0 0 16 16" aria-hidden="true"><path d="M6 4l4 4-4 4" class="line" /></svg>
            <span class="series-name">{name}</span>
          </button>
          <Labels labels={s.labels} />
        </td>
        <td class="number"><span class="value">{valueText(s, rule)}</span>{rule && <Scale s={s} rule={rule} />}</td>
        <td>{rule ? <><BoundLine bound={rule.warning} rule={rule} state="warning" /> <BoundLine bound={rule.critical} rule={rule} state="critical" /></>
          : <span class="muted">{say("no_bounds")}</span>}</td>
        <td>{rule && <Clauses of={[rule.clause]} />}</td>
        <td>{rule ? <StateMark state={s.state} quiet={s.state === "ok"} /> : null}</td>
      </tr>
      {open && <tr class="history"><td colSpan={5}><Chart series={s} rule={rule} /></td></tr>}
    </>
  );
}

function CheckCard({ c, rules }: { c: Check; rules: Map<string, Rule> }) {
  const [all, setAll] = useState(false);
  const judged = (c.series ?? []).filter((s) => s.rule)
    .sort((a, b) => severityOrder[a.state] - severityOrder[b.state] || (a.rule ?? "").localeCompare(b.rule ?? ""));
  const recorded = (c.series ?? []).filter((s) => !s.rule);
  const shown = all || judged.length === 0 ? [...judged, ...recorded] : judged;
  return (
    <section class={`card check ${c.state}`}>
      <header>
        <h2><bdi>{c.name}</bdi></h2>
        <StateMark state={c.state} quiet={c.state === "ok"} />
        <span class="space" />
        <span class="muted">{say("every", { time: duration(c.interval_ns / 1e9) })} · <Ago at={c.at} /></span>
      </header>
      {c.why && <p class="notice"><Shape state={c.state} /><bdi>{c.why}</bdi></p>}
      {c.given_up && <p class="notice"><Shape state="warning" />
        {say("results_given_up", { n: c.given_up.results, from: moment(c.given_up.from_at), to: moment(c.given_up.to_at) })}</p>}
      {(c.skips ?? []).map((s) => (
        <p key={s.what} class="notice left-out"><Shape state="unknown" /><span>{say("left_out")} <bdi>{s.what}</bdi>: <bdi>{s.error}</bdi></span></p>
      ))}
      {c.more_skips ? <p class="muted">{say("more_findings", { n: c.more_skips })}</p> : null}
      {shown.length > 0 && (
        <div class="scroll"><table>
          <thead><tr><th>{say("metric")}</th><th class="number">{say("value")}</th><th>{say("bounds")}</th><th>{say("clause")}</th><th>{say("state")}</th></tr></thead>
          <tbody>{shown.map((s) => <SeriesRow key={s.id} s={s} rule={s.rule ? rules.get(s.rule) : undefined} />)}</tbody>
        </table></div>
      )}
      {!all && judged.length > 0 && recorded.length > 0 &&
        <button type="button" class="more" onClick={() => setAll(true)}>{say("n_recorded", { n: recorded.length })}</button>}
      {c.facts && c.facts.length > 0 && <dl class="facts">{c.facts.map((f, i) => (
        <div key={i}><dt><bdi>{f.name}</bdi> <Labels labels={f.labels} /></dt><dd><bdi>{f.value}</bdi></dd></div>
      ))}</dl>}
    </section>
  );
}

function Facts({ h }: { h: Host }) {
  return (
    <dl class="facts">
      <div><dt>{say("owner")}</dt><dd><bdi>{h.owner ?? say("no_one")}</bdi></dd></div>
      <div><dt>{say("deputy")}</dt><dd><bdi>{h.deputy ?? say("no_one")}</bdi></dd></div>
      <div><dt>{say("address")}</dt><dd><bdi>{h.address ?? "—"}</bdi></dd></div>
      <div><dt>{say("clock")}</dt><dd>{duration(h.clock_offset_ns / 1e9)}</dd></div>
      {Object.entries(h.facts ?? {}).map(([k, v]) => <div key={k}><dt><bdi>{k}</bdi></dt><dd><bdi>{v}</bdi></dd></div>)}
    </dl>
  );
}

export function HostPage({ id }: { id: number }) {
  useWords();
  const [host, setHost] = useState<Host | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const touched = useStore((s) => s.touched);
  const listed = useStore((s) => s.hosts)?.get(id);
  const incidents = useStore((s) => s.incidents);
  const procedure = useStore((s) => s.procedure);

  const concerns = touched.host === id || touched.host < 0 ? touched.count : -1;
  useEffect(() => {
    let over = false;
    const ask = (): void => {
      get<Host>("host", { host: id }).then((h) => { if (!over) { setHost(h); setError(null); } }, (e: unknown) => { if (!over) setError(e); });
    };
    /* many checks of one round come together */
    const timer = window.setTimeout(ask, host ? 700 : 0);
    return () => { over = true; window.clearTimeout(timer); };
  }, [id, concerns, tries]);
  useEffect(() => {      /* values that stay inside their bounds change without an event */
    const timer = window.setInterval(() => setTries((n) => n + 1), 30000);
    return () => window.clearInterval(timer);
  }, []);

  if (error && !host) return <Failure error={error} again={() => setTries(tries + 1)} />;
  if (!host) return <Loading />;
  const now = { ...host, ...(listed ? { state: listed.state, connected: listed.connected, never_connected: listed.never_connected, seen_at: listed.seen_at, events_held: listed.events_held } : {}) };
  const rules = new Map((procedure?.rules ?? []).map((r) => [r.id, r]));
  const own = [...(incidents?.values() ?? [])].filter((i) => i.host === id);
  const checks = [...(host.checks ?? [])].sort((a, b) => severityOrder[a.state] - severityOrder[b.state] || a.name.localeCompare(b.name));
  return (
    <>
      <p class="crumbs"><a href="#/">{say("hosts")}</a></p>
      <div class="page-head">
        <h1><bdi>{now.name}</bdi></h1><StateMark state={now.state} />
        <span class="muted">{say(presence(now))} · <Ago at={now.seen_at} word="seen" /></span>
      </div>
      {now.events_held && <p class="notice"><Shape state="warning" />{say("events_held")}</p>}
      {own.length > 0 && (
        <ul class="strip">{own.map((i) => (
          <li key={i.id}><a class="card" href={`#/incident/${i.id}`}>
            {isHot(i) && <StateMark state={i.severity} />}<IncidentMark state={i.state} /><b>{aboutOf(i)}</b><Clauses of={i.clauses} /><span class="space" />
            <span class="muted"><Ago at={i.opened_at} word="opened" /></span></a></li>
        ))}</ul>
      )}
      <div class="checks">{checks.map((c) => <CheckCard key={c.id} c={c} rules={rules} />)}</div>
      <section class="card"><header><h2>{say("facts")}</h2></header><Facts h={now} /></section>
    </>
  );
}
