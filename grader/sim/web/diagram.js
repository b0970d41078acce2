// The diagram: a column for each server, a row for each step. It is drawn once; what belongs to the
// step that is shown is drawn over it again, so that a step costs the same in a long run.

const COLUMN = run.servers <= 3 ? 166 : run.servers <= 5 ? 116 : 84;
const ROW = 26, TIME = 46, RIGHT = 50, TOP = 12, HUES = 6;
const LEFT = Math.max(66, 128 - COLUMN / 2);
const WIDTH = LEFT + COLUMN * run.servers + RIGHT;
const HEIGHT = TOP + ROW * run.steps.length + 30;

// A server that there is none of is beyond the first or the last.
function x(server) {
  return LEFT + COLUMN * (Math.min(Math.max(server, 0.6), run.servers + 0.4) - 0.5);
}

const y = (at) => TOP + ROW * (at + 0.5);

function text(at, down, words, kind, anchor = "middle") {
  return svg("text", { x: at, y: down, class: kind, "text-anchor": anchor }, words);
}

function sheet(height, kind, ...children) {
  const size = { width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, class: kind };
  return svg("svg", size, ...children);
}

// What a server was between two heights: a band in the colour of its term, a line for its role.
function span(server, state, from, to) {
  if (to <= from) return [];
  const line = { x1: x(server), x2: x(server), y1: from, y2: to };
  if (!state) return [svg("line", { ...line, class: "down" })];
  const hue = state[3] > 0 ? 1 + ((state[3] - 1) % HUES) : 0;
  const band = { x: x(server) - 8, y: from, width: 16, height: to - from };
  return [
    svg("rect", { ...band, class: `band hue${hue}` }),
    svg("line", { ...line, class: `line ${ROLES[state[2]] ?? ""}` }),
  ];
}

function life(server) {
  const parts = [];
  let from = TOP, state = null;
  run.steps.forEach((step, at) => {
    if (step.server !== server) return;
    const now = step.state;
    if (now?.[2] === state?.[2] && now?.[3] === state?.[3]) return;
    parts.push(span(server, state, from, y(at)));
    [from, state] = [y(at), now];
  });
  parts.push(span(server, state, from, y(run.steps.length)));
  return parts.flat();
}

function tip(toX, toY, angle) {
  const corner = (turn) =>
    `${toX - 10 * Math.cos(angle + turn)},${toY - 10 * Math.sin(angle + turn)}`;
  return svg("path", { class: "tip", d: `M${toX},${toY}L${corner(0.42)}L${corner(-0.42)}Z` });
}

const shaft = (fromX, fromY, toX, toY) =>
  svg("path", { class: "shaft", d: `M${fromX},${fromY}L${toX},${toY}` });

// From the row in which a message was sent to the one in which it arrived. Its name lies on the
// arrow near the receiver; beside it where the arrow is steep.
function arrow(one, at, again) {
  const message = run.messages[one.message];
  const [fromX, endX, endY] = [x(one.sender), x(one.to), y(at)];
  const fromY = one.told ? endY - ROW * 0.4 : y(one.step);
  const angle = Math.atan2(endY - fromY, endX - fromX);
  const [toX, toY] = [endX - 7 * Math.cos(angle), endY - 7 * Math.sin(angle)];
  const wide = Math.abs(endX - fromX), slope = (endY - fromY) / Math.max(1, wide);
  const away = Math.sign(fromX - endX) || 1, near = Math.min(COLUMN / 2 - 4, wide / 2);
  const words = (again ? "again: " : "") + message.label;
  const isFlat = slope * near < ROW * 0.7;
  const label = isFlat
    ? text(endX + away * near, endY - slope * near + 4, words, "label")
    : text(endX + away * 14, endY + 1, words, "label", away < 0 ? "end" : "start");
  const kind = `message ${message.kind}${again ? " again" : ""}`;
  return svg("g", { class: kind }, shaft(fromX, fromY, toX, toY), tip(toX, toY, angle), label);
}

const cross = (atX, atY) =>
  svg("path", { class: "cross", d: `M${atX - 4},${atY - 4}l8,8m0,-8l-8,8` });

// To a server that does not run here: it may have got there or not.
function away(one) {
  const message = run.messages[one.message];
  const fromX = x(one.sender), fromY = y(one.step), toY = fromY + ROW * 0.36;
  const side = Math.sign(x(one.to) - fromX) || 1, toX = x(one.to) - side * 4;
  return svg("g", { class: `message ${message.kind}` },
    shaft(fromX, fromY, toX, toY), tip(toX, toY, Math.atan2(toY - fromY, toX - fromX)),
    text(toX - side * (COLUMN / 2 - 8), toY + 3, message.label, "label"));
}

// Sent, and received nowhere in this run: the line ends short of the receiver's.
function lost(one) {
  const message = run.messages[one.message];
  const fromX = x(one.sender), fromY = y(one.step);
  const side = Math.sign(x(one.to) - fromX) || 1;
  const toX = x(one.to) - side * COLUMN * 0.56, toY = fromY + ROW * 0.36;
  const angle = Math.atan2(toY - fromY, toX - fromX);
  return svg("g", { class: `message lost ${message.kind}` },
    shaft(fromX, fromY, toX, toY),
    one.step === last ? tip(toX, toY, angle) : cross(toX, toY),
    text(toX + side * 8, toY + 4, message.label, "label", side > 0 ? "start" : "end"));
}

function node(step, at) {
  const [cx, cy] = [x(step.server), y(at)];
  if (step.crashes || step.tag === "ends")
    return svg("path", { class: "crash", d: `M${cx - 7},${cy - 7}l14,14m0,-14l-14,14` });
  if (step.kind === "start") return svg("circle", { class: "start", cx, cy, r: 6 });
  return svg("circle", { class: `event ${step.kind}`, cx, cy, r: step.effects.length ? 5 : 3.5 });
}

// What changed, on the side from which no arrow comes.
function tag(step, at) {
  const isLeft = step.received >= 0 && run.sent[step.received].sender > step.server;
  const role = step.crashes ? "crash" : ROLES.find((one) => step.tag.includes(one)) ?? "";
  const place = x(step.server) + (isLeft ? -13 : 13);
  return text(place, y(at) - 3, step.tag, `tag ${role}`, isLeft ? "end" : "start");
}

// An event of the whole cluster.
function across(step, at) {
  const words = step.kind === "heal" ? "the network heals" : "one leader by now?";
  return [
    svg("path", { class: "all", d: `M${TIME + 10},${y(at)}H${WIDTH - 12}` }),
    text(x((run.servers + 1) / 2), y(at) + 4, words, "label"),
  ];
}

function row(step, at) {
  const place = { x: 0, y: y(at) - ROW / 2, width: WIDTH, height: ROW };
  const isLater = !at || run.steps[at - 1].at !== step.at;
  return [
    fails(at) ? svg("rect", { ...place, class: "hit" }) : null,
    isLater ? text(TIME, y(at) + 4, `${step.at}`, "time", "end") : null,
    fails(at) ? text(10, y(at) + 6, "\u2717", "fault") : null,
  ];
}

function arrowsOf(one) {
  if (!one.received.length) return [isAbsent(one.to) ? away(one) : lost(one)];
  return one.received.map((at, nth) => arrow(one, at, nth > 0));
}

function heads() {
  const names = Array.from({ length: run.servers }, (_, at) =>
    text(x(at + 1), 20, `S${at + 1}`, "server"));
  return html("div", { class: "heads", "aria-hidden": "true" },
    sheet(30, "", text(TIME, 20, "ms", "time", "end"), names));
}

// Puts the diagram into its place. Returns the parts that mark a step.
function draw(choose) {
  const servers = Array.from({ length: run.servers }, (_, at) => life(at + 1));
  const events = run.steps.map((step, at) =>
    step.server ? [node(step, at), step.tag ? tag(step, at) : null] : across(step, at));
  const picture = sheet(HEIGHT, "picture", run.steps.map(row).flat(), servers.flat(),
    run.sent.map(arrowsOf).flat(), events.flat());
  const label = `${run.steps.length} steps; the panel tells each in words`;
  fill(picture, { role: "img", "aria-label": label }, []);
  const marks = {
    chosen: html("div", { class: "chosen" }),
    veil: html("div", { class: "veil" }),
    front: sheet(HEIGHT, "front"),
  };
  const { chosen, veil, front } = marks;
  const stage = html("div", { class: "stage" }, chosen, picture, veil, front);
  stage.addEventListener("click", (event) => {
    choose(Math.floor((event.clientY - stage.getBoundingClientRect().top - TOP) / ROW));
  });
  $("diagram").append(heads(), stage);
  return marks;
}

// Marks a step: its row, its server, its messages; what comes later is dimmed.
function mark({ chosen, veil, front }, at) {
  const step = run.steps[at], top = y(at) - ROW / 2;
  chosen.style.top = `${top}px`;
  veil.style.top = `${top + ROW}px`;
  const came = run.sent[step.received];
  const sent = step.effects.map(([, place]) => run.sent[place]).filter(Boolean);
  const parts = sent.flatMap(arrowsOf);
  if (came) parts.push(arrow(came, at, step.again));
  const ring = { class: "ring", cx: x(step.server), cy: y(at), r: 11 };
  front.replaceChildren(...parts, ...(step.server ? [svg("circle", ring)] : []));
  reveal(y(at) + 30, x(step.server || 1));
}

function reveal(down, along) {
  const box = $("diagram"), { scrollTop, clientHeight, scrollLeft, clientWidth } = box;
  if (down < scrollTop + 90 || down > scrollTop + clientHeight - 60)
    box.scrollTop = down - clientHeight * 0.6;
  if (along < scrollLeft + 40 || along > scrollLeft + clientWidth - 40)
    box.scrollLeft = along - clientWidth / 2;
}

function legend() {
  const sample = (words, ...drawing) => {
    const size = { width: 30, height: 18, "aria-hidden": "true" };
    return html("span", {}, svg("svg", size, ...drawing), words);
  };
  const band = (hue, from, width) =>
    svg("rect", { class: `band hue${hue}`, x: from, y: 1, width, height: 16 });
  const line = (kind) => svg("line", { class: kind, x1: 0, x2: 30, y1: 9, y2: 9 });
  const message = (kind, end) =>
    svg("g", { class: `message ${kind}` }, shaft(1, 9, 22, 9), end);
  const key = (name) => html("kbd", {}, name);
  $("legend").append(
    ...ROLES.map((role) => sample(role, band(1, 0, 30), line(`line ${role}`))),
    sample("not running", line("down")),
    sample("a colour for each term", band(1, 0, 10), band(2, 10, 10), band(3, 20, 10)),
    sample("vote asked", message("ask", tip(29, 9, 0))),
    sample("vote given", message("yes", tip(29, 9, 0))),
    sample("never received", message("lost beat", cross(22, 9))),
    sample("crash", svg("path", { class: "crash", d: "M8,2l14,14m0,-14l-14,14" })),
    html("span", { class: "keys" }, key("\u2190"), key("\u2192"), " or ", key("k"), key("j"),
      " to step"));
}
