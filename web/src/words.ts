// Every word a person sees, in both languages. {name} is filled in.
import { useStore, store } from "./store";

export type Language = "zh" | "en";

const words = {
  brand: ["巡堂", "Beadle"],
  hosts: ["主機", "Hosts"],
  incidents: ["異常事件", "Incidents"],
  skip: ["跳到內容", "Skip to content"],
  ok: ["正常", "OK"],
  warning: ["警告", "Warning"],
  critical: ["危急", "Critical"],
  unknown: ["不明", "Unknown"],
  open: ["未處理", "Open"],
  acknowledged: ["已確認", "Acknowledged"],
  recovered: ["已恢復", "Recovered"],
  closed: ["已結案", "Closed"],
  live: ["即時", "Live"],
  reconnecting: ["重新連線中", "Reconnecting"],
  light: ["淺色", "Light"],
  dark: ["深色", "Dark"],
  theme_to: ["切換為{name}模式", "Switch to {name} mode"],
  language_to: ["English", "中文"],
  account: ["帳號", "Account"],
  change_password: ["變更密碼", "Change password"],
  log_out: ["登出", "Log out"],
  log_in: ["登入", "Log in"],
  log_in_lead: ["以您的帳號登入，查看學校主機的狀況。", "Log in to see how the school's servers are."],
  user: ["帳號名稱", "User name"],
  password: ["密碼", "Password"],
  old_password: ["目前的密碼", "Current password"],
  new_password: ["新密碼", "New password"],
  repeat_password: ["再輸入一次新密碼", "New password again"],
  must_change: ["這是一次性密碼，請先設定您自己的密碼。", "This was a one-time password. Choose your own before going on."],
  password_rule: ["至少 12 個字元。一句好記的話比複雜的符號更好。", "At least 12 characters. A sentence you remember beats odd symbols."],
  password_short: ["新密碼至少要 12 個字元。", "The new password needs at least 12 characters."],
  password_differ: ["兩次輸入的新密碼不同。", "The two new passwords differ."],
  password_same: ["新密碼必須和目前的不同。", "The new password must differ from the current one."],
  save: ["儲存", "Save"],
  cancel: ["取消", "Cancel"],
  wrong_log_in: ["帳號或密碼不正確。", "The user name or the password is wrong."],
  code: ["驗證碼", "Code"],
  code_hint: ["驗證器 App 目前顯示的六位數字。", "The six digits that your authenticator shows now."],
  wrong_code: ["驗證碼不正確或已經用過，請等下一組。", "The code is wrong or was used before. Wait for the next one."],
  code_clock: ["這組驗證碼的時間不對：手機或收集器的時鐘不準，請先校時。", "This code is of another time: the telephone's clock or the collector's is off. Mend that first."],
  second_factor: ["兩步驟驗證", "Second factor"],
  factor_lead: ["您的角色可以變更或簽核，登入時除了密碼還需要驗證碼。", "Your role can change or sign things: logging in takes a code beside the password."],
  factor_scan: ["用手機的驗證器 App 掃描這個圖，再輸入它顯示的驗證碼。", "Scan this picture with the authenticator on your telephone, then enter the code that it shows."],
  factor_old: ["要換一支手機，請先輸入目前的驗證碼。", "To move to another telephone, enter the code of the present one first."],
  factor_picture: ["給驗證器 App 掃描的 QR 碼", "QR code for the authenticator"],
  factor_typed: ["不能掃描時，請輸入：", "If it cannot scan, type:"],
  next: ["下一步", "Next"],
  too_many: ["嘗試次數過多，請稍候再試。", "Too many tries. Wait a little, then try again."],
  unreachable: ["無法連上收集器，請檢查網路。", "The collector cannot be reached. Check the network."],
  unavailable: ["收集器暫時沒有回應，請稍後再試。", "The collector does not answer right now. Try again soon."],
  not_allowed: ["您的角色不能執行這個動作。", "Your role may not do this."],
  not_found: ["找不到這一頁的資料。", "There is nothing here by that name."],
  conflict: ["狀態已經改變，請重新查看。", "Things have changed meanwhile. Have another look."],
  retry: ["再試一次", "Try again"],
  loading: ["讀取中…", "Loading…"],
  all_well: ["一切正常", "All is well"],
  all_well_lead: ["{n} 台主機都在回報，沒有未結案的事件。", "{n} hosts are reporting and no incident is open."],
  attention: ["{n} 件事件未結案", "{n} incidents are open"],
  attention_one: ["1 件事件未結案", "1 incident is open"],
  attention_lead: ["其中 {n} 件還沒有人確認。", "{n} of them nobody has acknowledged yet."],
  attention_lead_one: ["還沒有人確認。", "Nobody has acknowledged it yet."],
  attention_held_one: ["已有人確認。", "Somebody has acknowledged it."],
  attention_held: ["全部都有人確認。", "Somebody has acknowledged every one."],
  watching: ["還沒有主機回報", "No host reports yet"],
  watching_lead: ["在伺服器上啟動 beadle-agent 之後，它會出現在這裡。", "Start beadle-agent on a server and it will appear here."],
  checks: ["檢查項目", "Checks"],
  connected: ["連線中", "Connected"],
  gone: ["失聯", "Not reporting"],
  never_connected: ["從未連線", "Never connected"],
  revoked: ["身分已撤銷", "Identity revoked"],
  seen: ["上次回報 {ago}", "Last seen {ago}"],
  never: ["從未", "never"],
  search: ["搜尋主機或負責人", "Find a host or an owner"],
  all: ["全部", "All"],
  none_match: ["沒有符合的主機。", "No host matches."],
  owner: ["負責人", "Owner"],
  deputy: ["代理人", "Deputy"],
  no_one: ["未指定", "Nobody"],
  address: ["位址", "Address"],
  clock: ["時鐘差", "Clock offset"],
  n_incidents: ["{n} 件事件", "{n} incidents"],
  n_incidents_one: ["1 件事件", "1 incident"],
  facts: ["主機資訊", "About this host"],
  left_out: ["無法量測", "Not measured:"],
  every: ["每 {time}", "every {time}"],
  metric: ["項目", "What"],
  value: ["數值", "Value"],
  bounds: ["界限", "Bounds"],
  clause: ["條款", "Clause"],
  state: ["狀態", "State"],
  no_bounds: ["僅記錄", "recorded only"],
  n_recorded: ["另有 {n} 項僅記錄的數值", "{n} more values, recorded only"],
  stated: ["程序書明定", "stated in the procedure"],
  setting: ["本校設定 ≈", "the school's setting ≈"],
  last_day: ["過去 24 小時", "The last 24 hours"],
  no_history: ["還沒有紀錄。", "No history yet."],
  show_history: ["顯示 {name} 的歷史", "Show the history of {name}"],
  no_incidents: ["沒有未結案的事件。", "No incident is open."],
  no_incidents_at_all: ["還沒有任何事件。", "There has been no incident yet."],
  show_closed: ["包含已結案", "Include closed"],
  opened: ["發生於 {ago}", "Opened {ago}"],
  host: ["主機", "Host"],
  since: ["自 {time}", "since {time}"],
  what_is_wrong: ["發現", "What was found"],
  and_more: ["，另有 {n} 筆僅計數", "and {n} more, which were only counted"],
  events_held: ["代理程式的事件容量已滿：外掛暫停等待，事件僅計數。", "The agent has no room for events: its plugins wait, and events are only counted."],
  results_given_up: ["代理程式的暫存容量已滿，捨棄了 {n} 筆結果：{from} 至 {to}", "The agent's spool was full: {n} results were given up, from {from} to {to}"],
  more_findings: ["還有 {n} 項未列出", "{n} more are not listed"],
  steps: ["處理經過", "What has happened"],
  more_steps: ["之前還有 {n} 項未列出", "{n} older ones are not listed"],
  notices: ["通知", "Who was told"],
  no_notices: ["還沒有通知任何人。", "Nobody has been told yet."],
  queued: ["等待送出", "Waiting"],
  sent: ["已送出", "Sent"],
  retrying: ["重試中（{n} 次）", "Retrying ({n} tries)"],
  given_up: ["無法送達", "Not delivered"],
  acknowledge: ["確認", "Acknowledge"],
  acknowledge_lead: ["確認期間暫停逐級通報；到期仍未恢復時繼續通報。", "Escalation pauses while you hold it, and goes on when the time is over."],
  hold_for: ["確認期限", "For how long"],
  note: ["備註", "Note"],
  note_hint: ["做了什麼、等什麼", "What was done, what is awaited"],
  handle: ["記錄處理", "Record handling"],
  handle_lead: ["寫下已採取的處理措施。", "Write down what was done about it."],
  close: ["結案", "Close"],
  close_lead: ["確認已恢復後結案，紀錄會保留。", "Close it once things are back to normal. The record stays."],
  close_accept: ["尚未全部恢復。結案即接受現況，請寫明理由；惡化或再次發生時會另開事件。", "Not all of it is over. Closing accepts that, and the note says why; what gets worse or comes back is told anew."],
  close_early: ["仍有危急項目，尚不能結案。", "It can be closed once nothing in it is critical."],
  held_by: ["{who} 已確認，至 {time}", "Held by {who} until {time}"],
  held_by_open: ["{who} 已確認", "Held by {who}"],
  flapping: ["反覆變動", "flapping"],
  yes: ["是", "yes"],
  is_so: ["有此情形", "the case"],
  is_not_so: ["無此情形", "not the case"],
  no: ["否", "no"],
  just_now: ["剛剛", "just now"],
  ago: ["{time}前", "{time} ago"],
  in_time: ["{time}後", "in {time}"],
  separate_disk: ["收集器的磁碟已滿，目前不再收下新的結果。", "The collector's disk is full: no new results are taken in."],
  suspect_clock: ["收集器的時鐘可疑：在校正、確認之前，不因時間久遠刪除紀錄，憑證不到期。請執行 beadle clock。",
    "The collector's clock is suspect: until it is right or confirmed nothing is deleted for its age and no certificate ends. See beadle clock."],
  by_procedure: ["依 {name} 第 {version} 版", "By {name}, version {version}"],
  what_opened: ["事件成立", "Opened"],
  what_found: ["又有新的發現", "More was found"],
  what_changed: ["情況改變", "Changed"],
  what_worse: ["情況惡化", "Got worse"],
  what_recovered: ["全部恢復正常", "All back to normal"],
  what_reopened: ["再度發生", "It is back"],
  what_acknowledged: ["確認", "Acknowledged"],
  what_ack_lifted: ["確認失效", "Acknowledgement lifted"],
  what_ack_expired: ["確認已到期", "The acknowledgement is over"],
  what_handled: ["處理紀錄", "Handling recorded"],
  what_closed: ["結案", "Closed"],
  what_event: ["主機上的事件", "An event on the host"],
  what_nobody: ["應通報但未指定人員", "Nobody is named whom the procedure calls for"],
  system: ["系統", "Beadle"],
} as const;

export type Word = keyof typeof words;

export function firstLanguage(): Language {
  const kept = localStorage.getItem("beadle.language");
  if (kept === "zh" || kept === "en") return kept;
  return (navigator.languages[0] ?? "zh").toLowerCase().startsWith("zh") ? "zh" : "en";
}

export type Say = (word: Word, values?: Record<string, string | number>) => string;

export function say(word: Word, values: Record<string, string | number> = {}): string {
  const text: string = words[word][store.state.language === "zh" ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The words, and a re-render when the language changes. */
export function useWords(): Say {
  useStore((s) => s.language);
  return say;
}

export const isWord = (name: string): name is Word => Object.hasOwn(words, name);

/** "title_zh" or "title_en" of a document. */
export function titled(d: { title_zh?: string | undefined; title_en?: string | undefined }): string {
  return (store.state.language === "zh" ? d.title_zh || d.title_en : d.title_en || d.title_zh) ?? "";
}

/** What an incident is about: its worst finding; else what kind it is. */
export function aboutOf(i: { title_zh: string; title_en: string; about_zh?: string; about_en?: string }): string {
  return titled({ title_zh: i.about_zh, title_en: i.about_en }) || titled(i);
}
