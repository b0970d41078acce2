"use strict";
// What all of the page's script shares: the run, ways to make elements, and what is known of each
// step. The run's data is shown as text: nothing here makes HTML of it.

const run = JSON.parse(document.getElementById("run").textContent);
const ROLES = ["follower", "candidate", "leader"];
const last = run.steps.length - 1;

const $ = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat().filter((one) => one !== null));
  return node;
}

// An element with these attributes; a child that is null is left out.
function html(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

// By step and server: the last step, up to that one, that was the server's; -1 before its first.
const latest = [];
run.steps.forEach((step, at) => {
  const before = at ? latest[at - 1] : Array(run.servers + 1).fill(-1);
  latest.push(before.map((one, server) => (server === step.server ? at : one)));
});

const stepOf = (at, server) => (at < 0 ? undefined : run.steps[latest[at][server]]);

// [deadline, what the call returned, role, term, vote, leader, last index, commit index], or null.
const stateOf = (at, server) => stepOf(at, server)?.state ?? null;

// Whether this step shows what is wrong with the run.
const fails = (at) => run.fails && at === last;

const started = new Set(run.steps.filter((one) => one.kind === "start").map((one) => one.server));

// One of the cluster that never runs: the grader plays it, or a shorter run does without it.
const isAbsent = (server) => server >= 1 && server <= run.servers && !started.has(server);
