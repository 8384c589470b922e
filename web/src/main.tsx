import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, Refused, whenLoggedOut } from "./api";
import { Frame, keptTheme } from "./frame";
import { start, stop } from "./live";
import { Failure, Loading } from "./parts";
import { FactorPage } from "./pages/factor";
import { HostPage } from "./pages/host";
import { Hosts } from "./pages/hosts";
import { IncidentPage } from "./pages/incident";
import { Incidents } from "./pages/incidents";
import { LogIn, PasswordPage } from "./pages/login";
import { store, useStore } from "./store";
import type { Me } from "./types";
import { firstLanguage } from "./words";

function usePath(): string {
  const [path, set] = useState(location.hash.slice(1) || "/");
  useEffect(() => {
    const changed = (): void => {
      set(location.hash.slice(1) || "/");
      window.scrollTo(0, 0);
      document.getElementById("content")?.focus({ preventScroll: true });
    };
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return path;
}

function Page({ path }: { path: string }) {
  const [, kind, id] = path.split("/");
  if (kind === "incidents") return <Incidents />;
  if (kind === "incident" && id) return <IncidentPage key={id} id={Number(id)} />;
  if (kind === "host" && id) return <HostPage key={id} id={Number(id)} />;
  return <Hosts />;
}

function App() {
  const me = useStore((s) => s.me);
  const path = usePath();
  const [error, setError] = useState<unknown>(null);
  const [password, setPassword] = useState(false);
  const [factor, setFactor] = useState(false);
  const inside = !!me && !me.must_change && !me.must_prove;

  const ask = (): void => {
    setError(null);
    get<Me>("whoami").then((m) => store.set({ me: m }), (e: unknown) => {
      if (!(e instanceof Refused && e.status === 401)) setError(e);
    });
  };
  useEffect(() => {
    whenLoggedOut(() => { stop(); store.set({ me: null, hosts: null, incidents: null, status: null }); });
    ask();
  }, []);
  useEffect(() => {
    if (inside) void start();
    else stop();
  }, [inside]);

  if (error) return <main class="gate"><Failure error={error} again={ask} /></main>;
  if (me === undefined) return <main class="gate"><Loading /></main>;
  if (me === null) return <LogIn />;
  if (me.must_change) return <PasswordPage forced done={() => {}} />;
  if (me.must_prove) return <FactorPage forced done={() => {}} />;
  if (factor) return <FactorPage forced={false} done={() => setFactor(false)} />;
  if (password) return <PasswordPage forced={false} done={() => setPassword(false)} />;
  return (
    <Frame here={path.startsWith("/incident") ? "incidents" : "hosts"} changePassword={() => setPassword(true)} setUpFactor={() => setFactor(true)}>
      <Page path={path} />
    </Frame>
  );
}

keptTheme();
const language = firstLanguage();
store.set({ language });
document.documentElement.lang = language === "zh" ? "zh-Hant-TW" : "en";
const root = document.getElementById("app");
if (root) render(<App />, root);
