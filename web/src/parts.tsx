// Small things that every page is made of. A state is always a shape and a word, never a colour alone.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused } from "./api";
import { ago, exact, moment, toDate } from "./format";
import type { Host, IncidentState, State } from "./types";
import { isWord, say, useWords } from "./words";

const shapes: Record<State, JSX.Element> = {
  ok: <><circle cx="8" cy="8" r="7" /><path d="M4.8 8.3l2.2 2.2 4.3-4.7" class="ink" /></>,
  warning: <><path d="M8 1.2l7 12.6H1z" /><path d="M8 6v3.6M8 11.6v.4" class="ink" /></>,
  critical: <><path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" /><path d="M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8" class="ink" /></>,
  unknown: <><rect x="1.2" y="1.2" width="13.6" height="13.6" rx="3" /><path d="M6.2 6.2a1.9 1.9 0 1 1 2.6 2c-.6.3-.8.6-.8 1.2M8 11.7v.3" class="ink" /></>,
};

export function Shape({ state }: { state: State }) {
  return <svg class={`shape ${state}`} viewBox="0 0 16 16" aria-hidden="true">{shapes[state]}</svg>;
}

export function StateMark({ state, quiet }: { state: State; quiet?: boolean }) {
  return <span class={`state ${state}${quiet ? " quiet" : ""}`}><Shape state={state} />{say(state)}</span>;
}

/** Beside it stands how bad it is, while it is. */
export const isHot = (i: { state: IncidentState }): boolean => i.state === "open" || i.state === "acknowledged";

export function IncidentMark({ state }: { state: IncidentState }) {
  return <span class={`phase ${state}`}>{state === "recovered" && <Shape state="ok" />}{say(state)}</span>;
}

/** Times that grow older as one looks. */
export function useNow(everyMs = 10000): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => set(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, []);
  return now;
}

export function Ago({ at, word }: { at: number; word?: "seen" | "opened" }) {
  const now = useNow();
  useWords();
  const text = ago(at, now);
  if (!at) return <span>{word ? say(word, { ago: text }) : text}</span>;
  return <time dateTime={toDate(at).toISOString()} title={exact(at)}>{word ? say(word, { ago: text }) : text}</time>;
}

export function Moment({ at }: { at: number }) {
  return at ? <time dateTime={toDate(at).toISOString()} title={exact(at)}>{moment(at)}</time> : <span>—</span>;
}

export function Labels({ labels }: { labels: Record<string, string> }) {
  const all = Object.entries(labels);
  if (all.length === 0) return null;
  return <span class="labels">{all.map(([k, v]) => <span class="label" key={k} title={k}><bdi>{v}</bdi></span>)}</span>;
}

export function Clauses({ of }: { of: string[] }) {
  const all = of.flatMap((c) => c.split(" ")).filter((c) => c);
  return <span class="clauses">{all.map((c) => <span class="clause" key={c} title={say("clause")}>§&thinsp;{c}</span>)}</span>;
}

export function reason(error: unknown): string {
  if (error instanceof Refused) {
    if (error.code === "conflict" && error.message) return error.message;
    if (isWord(error.code)) return say(error.code);
    return error.message || say("unavailable");
  }
  return say("unavailable");
}

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <Shape state="critical" /><span>{reason(error)}</span>
      {again && <button type="button" class="small" onClick={again}>{say("retry")}</button>}
    </div>
  );
}

export function Loading() {
  return <p class="loading" role="status"><span class="spinner" aria-hidden="true" />{say("loading")}</p>;
}

export function Empty({ title, children, state = "ok" }: { title: string; children?: ComponentChildren; state?: State }) {
  return <div class="empty"><Shape state={state} /><h2>{title}</h2>{children && <p>{children}</p>}</div>;
}

/** The word for whether its agent is there. */
export function presence(h: Host) {
  return h.revoked ? "revoked" : h.connected ? "connected" : h.never_connected ? "never_connected" : "gone";
}

export const severityOrder: Record<State, number> = { critical: 0, unknown: 1, warning: 2, ok: 3 };
