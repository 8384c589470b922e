// Keeps what the page knows in step with the collector: everything once, then server-sent events.
import { get } from "./api";
import { store } from "./store";
import type { Check, Host, Incident, Procedure, Status } from "./types";

const GRACE_MS = 5000;     // a short break is not worth a word

let source: EventSource | null = null;
let broken: number | undefined;
let statusDue: number | undefined;

async function askAll(): Promise<void> {
  const [status, hosts, incidents, procedure] = await Promise.all([
    get<Status>("status"), allHosts(), get<{ incidents: Incident[] }>("incidents", { open: true, limit: 1000 }),
    get<Procedure>("procedure"),
  ]);
  store.set({
    status, procedure,
    hosts: new Map(hosts.map((h) => [h.id, h])),
    incidents: new Map(incidents.incidents.map((i) => [i.id, i])),
    touched: { host: -1, count: store.state.touched.count + 1 },
  });
}

async function allHosts(): Promise<Host[]> {
  const all: Host[] = [];
  for (;;) {
    const last = all[all.length - 1];
    const page = await get<{ hosts: Host[]; more: boolean }>("hosts", last ? { limit: 1000, after: last.id } : { limit: 1000 });
    all.push(...page.hosts);
    if (!page.more || page.hosts.length === 0) return all;
  }
}

/** Counts follow from many events; one question a second is enough for them. */
function askStatusSoon(): void {
  if (statusDue !== undefined) return;
  statusDue = window.setTimeout(() => {
    statusDue = undefined;
    get<Status>("status").then((status) => store.set({ status })).catch(() => {});
  }, 1000);
}

function isThere(): void {
  window.clearTimeout(broken);
  broken = undefined;
  if (!store.state.live) store.set({ live: true });
}

function isBroken(): void {
  broken ??= window.setTimeout(() => store.set({ live: false }), GRACE_MS);
}

function on<T>(topic: string, call: (document: T) => void): void {
  source?.addEventListener(topic, (event) => {
    isThere();
    call(JSON.parse((event as MessageEvent<string>).data) as T);
  });
}

function open(): void {
  source = new EventSource("/api/v1/stream");
  on<unknown>("hello", () => {});
  on<unknown>("reset", () => { void askAll().catch(() => {}); });
  on<Host>("host", (h) => {
    store.set({ hosts: new Map(store.state.hosts).set(h.id, h) });
    askStatusSoon();
  });
  on<Check>("check", (c) => {
    store.set({ touched: { host: c.host, count: store.state.touched.count + 1 } });
    askStatusSoon();
  });
  on<Incident>("incident", (i) => {
    const incidents = new Map(store.state.incidents);
    if (i.state === "closed") incidents.delete(i.id);
    else incidents.set(i.id, i);
    store.set({ incidents });
    askStatusSoon();
  });
  source.onerror = () => {
    isBroken();
    if (source?.readyState !== EventSource.CLOSED) return;    // the browser tries again by itself
    source = null;
    window.setTimeout(() => { if (store.state.me) void start(); }, 3000);
  };
}

let polling: number | undefined;

/* A browser opens six connections to one place at most, and each stream holds one: a page that nobody looks at lets go of its own and
 * asks once a minute, so that its title goes on telling how things are. */
function onVisibility(): void {
  window.clearInterval(polling);
  if (!store.state.me) return;
  if (document.hidden) {
    close();
    polling = window.setInterval(() => { if (store.state.me) void askAll().catch(() => {}); }, 60000);
  } else if (!source) {
    void start();
  }
}
document.addEventListener("visibilitychange", onVisibility);
window.addEventListener("pagehide", () => close());       // kept aside by the browser for the way back
window.addEventListener("pageshow", (event) => { if (event.persisted) onVisibility(); });

function close(): void {
  source?.close();
  source = null;
}

/** Resolves when everything is known once; then events follow. */
export async function start(): Promise<void> {
  stop();
  if (document.hidden) onVisibility();
  else open();
  try {
    await askAll();
  } catch {
    isBroken();
    window.setTimeout(() => { if (store.state.me && !store.state.hosts) void start(); }, 3000);
  }
}

export function stop(): void {
  window.clearInterval(polling);
  close();
}
