// The panel: all that is known of one step.

const NOBODY = "\u2013";
const who = (server) => (server ? `S${server}` : NOBODY);
const quiet = (...words) => html("span", { class: "quiet" }, ...words);
const title = (words) => html("h3", {}, words);
const link = (at, words = `step ${at + 1}`) => html("a", { href: `#step=${at + 1}` }, words);
const chip = (message) => html("span", { class: `chip ${message.kind}` }, message.label);

function scroll(name, ...children) {
  const region = { class: "scroll", tabindex: 0, role: "region", "aria-label": name };
  return html("div", region, ...children);
}

function table(kind, names, rows) {
  const columns = names.map((name) => html("th", { scope: "col" }, name));
  return html("table", { class: kind },
    html("thead", {}, html("tr", {}, ...columns)), html("tbody", {}, ...rows));
}

// --- what happened ---

function what(step, at) {
  const words = document.querySelector(".broken .words")?.textContent ?? "";
  const fault = html("p", { class: "wrong" }, `\u2717 Here it fails: ${words}`);
  return [
    html("p", { class: "when" }, html("strong", {}, `${step.at} ms`),
      ` \u00b7 event ${step.event} of the trace`),
    html("h2", {}, step.what),
    ...step.changes.map((change) => html("p", {}, change)),
    ...(fails(at) ? [fault] : []),
  ];
}

// What became of a message.
function fate(one) {
  if (!one.received.length && isAbsent(one.to)) return quiet(` (S${one.to} does not run here)`);
  if (!one.received.length)
    return quiet(one.step === last ? " (the run ends here)" : " (never received)");
  const links = one.received.flatMap((at, nth) => [nth ? ", " : "", link(at)]);
  return quiet(" (received in ", ...links, ")");
}

function effects(step) {
  const items = step.effects.map(([words, sent]) => {
    const one = run.sent[sent];
    if (!one) return html("li", {}, words);
    return html("li", {}, `${words} `, chip(run.messages[one.message]), fate(one));
  });
  if (step.crashes) items.push(html("li", { class: "wrong" }, "crashes"));
  if (!items.length) return html("p", { class: "quiet" }, "Nothing.");
  return html("ol", { class: "effects" }, ...items);
}

// --- the servers, and their votes ---

function cells(state) {
  const [deadline, , role, term, vote, leader, index, commit] = state;
  const numbers = [index, commit, deadline].map(String);
  return [ROLES[role] ?? `role ${role}`, `${term}`, who(vote), who(leader), ...numbers];
}

// A server's row; what the step changed is marked.
function server(at, id) {
  const acts = run.steps[at].server === id, state = stateOf(at, id);
  const before = acts ? stateOf(at - 1, id) : state, old = before && cells(before);
  const cell = (value, nth) => {
    const isNew = acts && old?.[nth] !== value;
    const about = isNew ? { class: "new", title: old ? `before: ${old[nth]}` : "new" } : {};
    return html("td", about, nth ? value : html("span", { class: `role ${value}` }, value));
  };
  const down = html("td", { colspan: 7, class: "quiet" }, "does not run");
  const [durable, pending] = stepOf(at, id)?.disk ?? ["nothing", ""];
  const unsynced = html("span", { class: "pending" }, `not synced: ${pending}`);
  return html("tr", acts ? { class: "acts" } : {}, html("th", { scope: "row" }, `S${id}`),
    state ? cells(state).map(cell) : down, html("td", {}, durable, pending ? unsynced : null));
}

function servers(at) {
  const names = ["", "role", "term", "vote", "leader", "log", "commit", "deadline", "on disk"];
  const rows = Array.from({ length: run.servers }, (_, place) => server(at, place + 1));
  return scroll("Servers", table("servers", names, rows));
}

// Those who gave one candidate their votes in a term.
function ballot(at, given, candidate) {
  const voters = given.filter((one) => one.candidate === candidate);
  const count = `${voters.length} of ${run.servers}`;
  const isMajority = 2 * voters.length > run.servers;
  const names = voters.flatMap(({ step, voter }) => {
    const isTwice = given.filter((one) => one.voter === voter).length > 1;
    const kind = `voter${step === at ? " new" : ""}${isTwice ? " twice" : ""}`;
    return [html("span", { class: kind }, link(step, `S${voter}`)), " "];
  });
  return html("span", {}, `for ${who(candidate)}: `, ...names,
    quiet(`(${count}${isMajority ? ", a majority" : ""})`));
}

// Of each term, whom the servers had given their votes to by then; the newest terms first.
function votes(at) {
  const terms = new Map();
  for (const [step, term, voter, candidate] of run.votes) {
    if (step > at) continue;
    if (!terms.has(term)) terms.set(term, []);
    terms.get(term).push({ step, voter, candidate });
  }
  if (!terms.size) return html("p", { class: "quiet" }, "Nobody has voted yet.");
  const newest = [...terms].sort((one, other) => other[0] - one[0]).slice(0, 4);
  return html("ul", { class: "votes" }, ...newest.map(([term, given]) => {
    const candidates = [...new Set(given.map((one) => one.candidate))];
    const twice = given.filter((one, nth) =>
      given.findIndex((other) => other.voter === one.voter) < nth);
    return html("li", {}, html("strong", {}, `term ${term}`), html("span", { class: "given" },
      candidates.map((candidate) => ballot(at, given, candidate)),
      twice.map((one) => html("span", { class: "wrong" }, `S${one.voter} votes twice`))));
  }));
}

// --- bytes ---

function field([name, offset, hex, size, value]) {
  const [path, meaning] = run.names[name];
  const isCut = size > (hex.length + 1) / 3;
  const raw = hex.replace(/((?:.. ){7}..) /g, "$1\n");
  return html("tr", {},
    html("td", { class: "number" }, `${offset}`),
    html("td", { class: "raw" }, raw + (isCut ? " \u2026" : "")),
    html("th", { scope: "row" }, path),
    html("td", meaning ? { class: "value" } : { class: "value", colspan: 2 }, value),
    meaning ? html("td", { class: "quiet" }, meaning) : null);
}

function bytes(message) {
  const names = ["offset", "bytes", "field", "value", ""];
  return scroll(`Bytes of ${message.label}`, table("bytes", names, message.rows.map(field)),
    message.fault ? html("p", { class: "wrong" }, message.fault) : null);
}

function details(one, isOpen, ...words) {
  const message = run.messages[one.message];
  const about = quiet(`(${message.title}, ${message.size} bytes)`);
  const says = html("p", { class: "says" }, `\u201c${message.says}\u201d`);
  return html("details", isOpen ? { open: "" } : {},
    html("summary", {}, chip(message), " ", ...words, " ", about),
    message.says ? says : null, bytes(message));
}

// What a step's server received and sent; the same bytes for several servers once.
function messages(step) {
  const came = run.sent[step.received], groups = new Map(), found = [];
  if (came) {
    const sender = came.sender ? `from ${who(came.sender)}` : "from nobody known";
    const place = [`${sender}, sent at ${run.steps[came.step].at} ms in `, link(came.step)];
    found.push(details(came, true, ...(came.told ? [`${sender}, played by the grader`] : place)));
  }
  for (const [, sent] of step.effects) {
    const one = run.sent[sent];
    if (one) groups.set(one.message, [...(groups.get(one.message) ?? []), one]);
  }
  for (const group of groups.values()) {
    const receivers = group.map((one) => who(one.to)).join(", ");
    found.push(details(group[0], found.length < 3, `to ${receivers}`));
  }
  return found;
}

// All but what happened.
function panel(at) {
  const step = run.steps[at], acts = step.server && !["doom", "disk", "crash"].includes(step.kind);
  const told = acts ? messages(step) : [];
  return [
    ...(acts ? [title(`What S${step.server} did, in this order`), effects(step)] : []),
    title("The servers after it"), servers(at),
    title("Who voted for whom, so far"), votes(at),
    ...(told.length ? [title("Messages of this step, byte by byte"), ...told] : []),
  ];
}
