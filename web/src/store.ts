// What the page knows. Components look at parts of it and render when those change.
import { useEffect, useReducer } from "preact/hooks";
import type { Host, Incident, Me, Procedure, Status } from "./types";
import type { Language } from "./words";

export interface Known {
  language: Language;
  me: Me | null | undefined;             // undefined: not asked yet; null: logged out
  live: boolean;
  status: Status | null;
  hosts: Map<number, Host> | null;
  incidents: Map<number, Incident> | null;   // those that are not closed
  procedure: Procedure | null;
  touched: { host: number; count: number };  // the last host of which a check changed
}

class Store {
  state: Known = {
    language: "zh", me: undefined, live: false, status: null, hosts: null, incidents: null, procedure: null,
    touched: { host: -1, count: 0 },
  };
  private readonly listeners = new Set<() => void>();

  set(change: Partial<Known>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.listeners]) listener();
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }
}

export const store = new Store();

export function useStore<T>(look: (s: Known) => T): T {
  const [, render] = useReducer((n: number, _: void) => n + 1, 0);
  const value = look(store.state);
  useEffect(() => {
    let last = look(store.state);
    if (last !== value) render();
    return store.listen(() => {
      const next = look(store.state);
      if (next !== last) {
        last = next;
        render();
      }
    });
  }, []);
  return value;
}
