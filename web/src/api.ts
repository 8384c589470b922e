// One way to the collector: same origin, JSON, and the header that no foreign page can send.
export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

let onLoggedOut: () => void = () => {};
export const whenLoggedOut = (call: () => void): void => { onLoggedOut = call; };

async function send<T>(path: string, init: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/api/v1/${path}`, { ...init, cache: "no-store", credentials: "same-origin" });
  } catch {
    throw new Refused(0, "unreachable", "");
  }
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body as T;
  const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
  if ((answer.status === 401 || error?.code === "confirm") && path !== "login") onLoggedOut();
  throw new Refused(answer.status, error?.code ?? "unavailable", error?.message ?? "");
}

export function get<T>(name: string, args: Record<string, string | number | boolean> = {}): Promise<T> {
  const query = new URLSearchParams(Object.entries(args).map(([k, v]) => [k, String(v)])).toString();
  return send<T>(query ? `${name}?${query}` : name, {});
}

export function post<T>(name: string, body: object = {}): Promise<T> {
  return send<T>(name, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Beadle": "1" },
    body: JSON.stringify(body),
  });
}
