// One incident: what is wrong, who was told, what was done; and the three things a person can do.
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../api";
import { duration, moment, quantity } from "../format";
import { Ago, Clauses, Failure, IncidentMark, isHot, Labels, Loading, Moment, Shape, StateMark } from "../parts";
import { store, useStore } from "../store";
import type { Finding, Incident, Notice, Step } from "../types";
import { aboutOf, isWord, say, titled, useWords } from "../words";

function FindingCard({ f }: { f: Finding }) {
  return (
    <li class={`finding ${f.state}`}>
      <div class="finding-head">
        <StateMark state={f.state} quiet={f.state === "ok"} /><b>{titled(f) || f.metric || f.check}</b><Labels labels={f.labels} />
        {f.flapping && <span class="label">{say("flapping")}</span>}
        <span class="space" />{f.clause && <Clauses of={[f.clause]} />}
      </div>
      {f.what && (!f.metric || f.state === "unknown") && <p><bdi>{f.what}</bdi></p>}
      <p class="muted">
        {f.metric && f.unit !== "boolean" && <>{say("value")} <b class="value">{quantity(f.value, f.unit)}</b></>}
        {f.bound !== null && f.metric && f.unit !== "boolean" && <> · {say("bounds")} {quantity(f.bound, f.unit)} <span title={say(f.stated ? "stated" : "setting")}>
          {f.stated ? `(${say("stated")})` : "≈"}</span></>}
        {f.metric && f.unit !== "boolean" ? " · " : ""}{say("since", { time: moment(f.since_at) })}
      </p>
    </li>
  );
}

function stepText(s: Step): string {
  const key = `what_${s.what}`;
  return isWord(key) ? say(key) : s.what;
}

const isPerson = (s: Step): boolean => s.actor !== "" && s.actor !== "system";

/** What an event's plugin said of it: "mode 0644 → 0666" where it has a before and an after; what did not change is left out. */
function Fields({ of }: { of: Record<string, string> }) {
  const rows = Object.entries(of).flatMap(([name, text]): [string, string, string?][] => {
    if (name.endsWith("_after") && Object.hasOwn(of, name.replace(/_after$/, "_before"))) return [];
    const stem = name.replace(/_before$/, "");
    const after = stem !== name && Object.hasOwn(of, `${stem}_after`) ? of[`${stem}_after`] : undefined;
    return after === undefined ? [[name, text]] : after === text ? [] : [[stem, text, after]];
  });
  return (
    <dl class="fields">{rows.map(([name, text, after]) => (
      <div key={name}><dt><bdi>{name}</bdi></dt><dd><bdi>{text}</bdi>{after !== undefined && <> → <bdi>{after}</bdi></>}</dd></div>
    ))}</dl>
  );
}

function Steps({ steps, more }: { steps: Step[]; more: number }) {
  useStore((s) => s.procedure);
  return (
    <>
    {more > 0 && <p class="muted">{say("more_steps", { n: more })}</p>}
    <ol class="steps">{steps.map((s, i) => (
      <li key={i} class={isPerson(s) ? "person" : "system"}>
        <Moment at={s.at} /><div><b>{stepText(s)}</b> <bdi class="muted">{isPerson(s) ? s.actor : say("system")}</bdi>{s.detail && <p><bdi>{s.what === "nobody" ? role(s.detail) : s.detail}</bdi>{s.more ? ` ${say("and_more", { n: s.more })}` : ""}</p>}{s.fields && <Fields of={s.fields} />}</div>
      </li>
    ))}</ol>
    </>
  );
}

function role(id: string): string {
  if (id === "owner" || id === "deputy") return say(id);
  const known = store.state.procedure?.roles?.find((r) => r.id === id);
  return known ? titled(known) : id;
}

const noticeState = { queued: "unknown", sent: "ok", retrying: "warning", given_up: "critical" } as const;

function Notices({ notices }: { notices: Notice[] }) {
  if (notices.length === 0) return <p class="muted">{say("no_notices")}</p>;
  return (
    <ul class="notices">{notices.map((n, i) => (
      <li key={i}>
        <Shape state={noticeState[n.state]} />
        <div><b><bdi>{n.name || n.person || n.role}</bdi></b> <span class="muted"><bdi>{role(n.role)}</bdi> · <bdi>{n.channel}</bdi></span>
          <div class="muted">{say(n.state, { n: n.tries })} · <Moment at={n.at} /></div></div>
        <span class="space" />{n.clause && <Clauses of={[n.clause]} />}
      </li>
    ))}</ul>
  );
}

const HOUR = 3600e9;
const holds = [HOUR / 2, HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR, 72 * HOUR, 168 * HOUR];

type Act = "acknowledge" | "handle" | "close";

function ActForm({ act, incident, done, cancel }: { act: Act; incident: Incident; done: (i: Incident) => void; cancel: () => void }) {
  const [note, setNote] = useState("");
  const [hold, setHold] = useState(4 * HOUR);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const path = act === "acknowledge" ? "incident/ack" : `incident/${act}`;
      done(await post<Incident>(path, { id: incident.id, note, ...(act === "acknowledge" ? { for_ns: hold } : {}) }));
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  }
  const lead = ({ acknowledge: "acknowledge_lead", handle: "handle_lead", close: incident.state === "recovered" ? "close_lead" : "close_accept" } as const)[act];
  return (
    <form class="act" onSubmit={submit} onKeyDown={(e) => { if (e.key === "Escape") cancel(); }}>
      <p class="muted">{say(lead)}</p>
      {act === "acknowledge" && (
        <label class="field" for="hold"><span>{say("hold_for")}</span>
          <select id="hold" value={String(hold)} onChange={(e) => setHold(Number(e.currentTarget.value))}>
            {holds.map((h) => <option key={h} value={String(h)}>{duration(h / 1e9)}</option>)}
          </select></label>
      )}
      <label class="field" for="note"><span>{say("note")}</span>
        <textarea id="note" rows={3} maxLength={2000} required={act !== "acknowledge"} placeholder={say("note_hint")} value={note}
          ref={(e) => { if (e && document.activeElement?.id !== "note" && act !== "acknowledge" && !note) e.focus(); }}
          onInput={(e) => setNote(e.currentTarget.value)} /></label>
      {error ? <Failure error={error} /> : null}
      <div class="buttons"><button class="primary" type="submit" disabled={busy}>{say(act)}</button>
        <button type="button" onClick={cancel}>{say("cancel")}</button></div>
    </form>
  );
}

function Acts({ incident, done }: { incident: Incident; done: (i: Incident) => void }) {
  const [act, setAct] = useState<Act | null>(null);
  const critical = incident.findings?.some((f) => f.state === "critical") ?? incident.severity === "critical";
  const possible: Act[] = incident.state === "closed" ? [] : incident.state === "recovered" ? ["handle", "close"]
    : critical ? ["acknowledge", "handle"] : ["acknowledge", "handle", "close"];
  const finish = (i: Incident): void => { setAct(null); done(i); };
  if (possible.length === 0) return null;
  return (
    <section class="card">
      {act ? <ActForm key={act} act={act} incident={incident} done={finish} cancel={() => setAct(null)} />
        : <div class="buttons">{possible.map((a) => {
          const first = incident.state === "recovered" ? a === "close" : incident.state === "acknowledged" ? a === "handle" : a === "acknowledge";
          return <button key={a} type="button" id={`act-${a}`} class={first ? "primary" : ""} onClick={() => setAct(a)}>{say(a)}</button>;
        })}</div>}
      {!act && critical && <p class="muted below">{say("close_early")}</p>}
    </section>
  );
}

export function IncidentPage({ id }: { id: number }) {
  useWords();
  const [incident, setIncident] = useState<Incident | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const listed = useStore((s) => s.incidents)?.get(id);

  useEffect(() => {
    let over = false;
    get<Incident>("incident", { id }).then((i) => { if (!over) { setIncident(i); setError(null); } }, (e: unknown) => { if (!over) setError(e); });
    return () => { over = true; };
  }, [id, listed, tries]);
  useEffect(() => {      /* notices go out without an event of the incident */
    const timer = window.setInterval(() => setTries((n) => n + 1), 15000);
    return () => window.clearInterval(timer);
  }, []);
  const done = (i: Incident): void => {
    const incidents = new Map(store.state.incidents);
    if (i.state === "closed") incidents.delete(i.id);
    else incidents.set(i.id, i);
    store.set({ incidents });
    setTries((n) => n + 1);
  };

  if (error && !incident) return <Failure error={error} again={() => setTries(tries + 1)} />;
  if (!incident) return <Loading />;
  return (
    <>
      <p class="crumbs"><a href="#/incidents">{say("incidents")}</a></p>
      <div class="page-head">
        <h1>{aboutOf(incident)}</h1>
        {isHot(incident) && <StateMark state={incident.severity} />}<IncidentMark state={incident.state} /><Clauses of={incident.clauses} />
      </div>
      <p class="under">
        {incident.host ? <a href={`#/host/${incident.host}`}><bdi>{incident.host_name}</bdi></a> : <bdi>{incident.host_name}</bdi>}
        {aboutOf(incident) !== titled(incident) && <span class="muted">{titled(incident)}</span>}
        <span class="muted"><Ago at={incident.opened_at} word="opened" /></span>
        {incident.acknowledged_by && (
          <span class="muted">{incident.acknowledged_until_at
            ? say("held_by", { who: incident.acknowledged_by, time: moment(incident.acknowledged_until_at) })
            : say("held_by_open", { who: incident.acknowledged_by })}</span>
        )}
      </p>
      <div class="two">
        <div>
          <section class="card"><header><h2>{say("what_is_wrong")}</h2></header>
            <ul class="findings">{(incident.findings ?? []).map((f, i) => <FindingCard key={i} f={f} />)}</ul>
            {incident.more_findings ? <p class="muted">{say("more_findings", { n: incident.more_findings })}</p> : null}
          </section>
          <section class="card"><header><h2>{say("steps")}</h2></header><Steps steps={incident.steps ?? []} more={incident.more_steps ?? 0} /></section>
        </div>
        <div>
          <Acts incident={incident} done={done} />
          <section class="card"><header><h2>{say("notices")}</h2></header><Notices notices={incident.notices ?? []} /></section>
        </div>
      </div>
    </>
  );
}
