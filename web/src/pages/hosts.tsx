// How the school is: one sentence, the counts, and every host, the worst first.
import { useState } from "preact/hooks";
import { Ago, Empty, Loading, presence, severityOrder, Shape, StateMark } from "../parts";
import { useStore } from "../store";
import type { Host, State, Status } from "../types";
import { say, useWords } from "../words";

function Sentence({ status, hosts }: { status: Status; hosts: Host[] }) {
  const { open, unacknowledged } = status.incidents;
  if (hosts.length === 0) return <><h1>{say("watching")}</h1><p class="lead">{say("watching_lead")}</p></>;
  if (open === 0) return <><h1>{say("all_well")}</h1><p class="lead">{say("all_well_lead", { n: status.hosts.connected })}</p></>;
  return (
    <>
      <h1>{open === 1 ? say("attention_one") : say("attention", { n: open })}</h1>
      <p class="lead">{open === 1 ? say(unacknowledged ? "attention_lead_one" : "attention_held_one")
        : unacknowledged ? say("attention_lead", { n: unacknowledged }) : say("attention_held")}</p>
    </>
  );
}

function worst(status: Status, hosts: Host[]): State {
  if (hosts.length === 0) return "unknown";
  if (status.incidents.open === 0) return "ok";
  return status.states.critical ? "critical" : "warning";
}

const states: State[] = ["critical", "warning", "unknown", "ok"];

function Counts({ status }: { status: Status }) {
  return (
    <dl class="counts">
      <div><dt>{say("connected")}</dt><dd>{status.hosts.connected}<small>／{status.hosts.total}</small></dd></div>
      {states.map((s) => (
        <div key={s} class={status.states[s] ? s : "none"}>
          <dt><Shape state={s} />{say(s)}</dt><dd>{status.states[s]}</dd>
        </div>
      ))}
    </dl>
  );
}

function HostCard({ h }: { h: Host }) {
  return (
    <li>
      <a class={`card host ${h.state}`} href={`#/host/${h.id}`}>
        <span class="host-head"><span class="host-name"><bdi>{h.name}</bdi></span><StateMark state={h.state} quiet={h.state === "ok"} /></span>
        <span class="host-line">
          <span class={h.connected ? "muted" : "strong"}>{say(presence(h))}</span>
          <span class="muted"><Ago at={h.seen_at} word="seen" /></span>
        </span>
        <span class="host-line">
          <span class="muted">{say("owner")} <bdi>{h.owner ?? say("no_one")}</bdi></span>
          {h.incidents > 0 && <span class="strong">{h.incidents === 1 ? say("n_incidents_one") : say("n_incidents", { n: h.incidents })}</span>}
        </span>
      </a>
    </li>
  );
}

function matches(h: Host, text: string, state: State | null): boolean {
  const found = `${h.name} ${h.owner ?? ""} ${h.deputy ?? ""} ${h.address ?? ""}`.toLowerCase().includes(text.toLowerCase().trim());
  return found && (!state || h.state === state);
}

export function Hosts() {
  useWords();
  const known = useStore((s) => s.hosts);
  const status = useStore((s) => s.status);
  const [text, setText] = useState("");
  const [state, setState] = useState<State | null>(null);

  if (!known || !status) return <Loading />;
  const hosts = [...known.values()];
  const shown = hosts.filter((h) => matches(h, text, state))
    .sort((a, b) => severityOrder[a.state] - severityOrder[b.state] || a.name.localeCompare(b.name));
  return (
    <>
      <section class={`summary ${worst(status, hosts)}`} aria-live="polite">
        <div class="summary-sign"><Shape state={worst(status, hosts)} /></div>
        <div class="summary-words"><Sentence status={status} hosts={hosts} /></div>
        <Counts status={status} />
      </section>
      {hosts.length > 0 && (
        <div class="tools">
          <input type="search" aria-label={say("search")} placeholder={say("search")} value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <div class="chips" role="group" aria-label={say("state")}>
            <button type="button" aria-pressed={state === null} onClick={() => setState(null)}>{say("all")}<b>{hosts.length}</b></button>
            {states.map((s) => {
              const n = hosts.filter((h) => h.state === s).length;
              return n > 0 && (
                <button key={s} type="button" aria-pressed={state === s} onClick={() => setState(state === s ? null : s)}>
                  <Shape state={s} />{say(s)}<b>{n}</b>
                </button>
              );
            })}
          </div>
        </div>
      )}
      {hosts.length > 0 && shown.length === 0 && <Empty title={say("none_match")} state="unknown" />}
      <ul class="grid">{shown.map((h) => <HostCard key={h.id} h={h} />)}</ul>
    </>
  );
}
