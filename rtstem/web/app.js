// The mixer page: builds itself from the server's table of actions and follows its values.

import { Button, element, Fader, Knob } from "./controls.js";
import { Link } from "./link.js";
import { Meter } from "./meters.js";
import { Scroll } from "./scroll.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const FRAME = 1000 / 30;
let controls = new Map(); // by action: what shows its value
let actions = new Map();
let lines = []; // {meters, read(): dB of each meter}
let scrolls = []; // by stem
let levels = {};
let spectra = null; // bytes, stem by stem; null: not known
let status = {};
let table = "";
let learn = null; // null: off; "": waits for a control of the page; else waits for MIDI
let storing = false;

const hooks = {
  apply: (action, value) => {
    if (!link.send({ type: "apply", action: action.name, value })) notice("not connected");
  },
  learning: (action) => {
    if (learn === null) return false;
    setLearn(action.name);
    link.send({ type: "learn", action: action.name });
    notice(`move a MIDI control for ${action.label}`);
    return true;
  },
};

function add(parent, name, make) {
  const action = actions.get(name);
  if (!action) return null;
  const control = make(action);
  controls.set(name, control);
  parent.append(control.node);
  return control;
}

const button = (text) => (action) => new Button(action, text, hooks);

function meterLine(label, floor, count, read) {
  const meters = Array.from({ length: count }, () => new Meter(label, floor));
  lines.push({ meters, read });
  return element("div", { class: "meters" }, ...meters.map((m) => m.node));
}

function strip(title, kind) {
  const node = element("section", { class: `strip ${kind}`, "aria-label": title });
  node.append(element("h3", { text: title }));
  return node;
}

function faderBlock(node, name, meters) {
  const block = element("div", { class: "block" });
  const fader = add(block, name, (action) => new Fader(action, hooks));
  block.append(meters);
  node.append(block, fader.readout);
}

function stemStrip(stem, index, floor) {
  const node = strip(stem, "stem");
  node.dataset.colour = index % 6;
  const scroll = new Scroll(stem);
  scrolls.push(scroll);
  const knob = element("div", { class: "filter" });
  const filter = add(knob, `stem.${stem}.filter`, (action) => new Knob(action, hooks));
  if (filter) knob.append(element("span", { class: "caption", text: "filter" }), filter.readout);
  const keys = element("div", { class: "keys" });
  for (const [verb, text] of [["mute", "M"], ["solo", "S"], ["kill", "Kill"]]) {
    const made = add(keys, `stem.${stem}.${verb}`, button(text));
    made?.node.classList.add(verb);
  }
  node.append(scroll.node, knob);
  faderBlock(node, `stem.${stem}.gain`, meterLine(stem, floor, 1, () => [levels.stems?.[index]]));
  node.append(keys);
  node.addEventListener("keydown", (event) => {
    const verb = { m: "mute", s: "solo", k: "kill" }[event.key];
    if (!verb || event.ctrlKey || event.altKey || event.metaKey) return;
    controls.get(`stem.${stem}.${verb}`)?.press();
  });
  return node;
}

function masterStrip(floor) {
  const node = strip("master", "master");
  faderBlock(node, "master.gain", meterLine("main out", floor, 2, () => levels.buses?.[0] ?? []));
  const keys = element("div", { class: "keys" });
  add(keys, "bypass", button("Bypass"))?.node.classList.add("bypass");
  node.append(keys);
  return node;
}

function busPanel(bus, stems, floor, index) {
  const node = element("section", { class: "panel bus", "aria-label": `bus ${bus}` });
  node.append(element("h2", { text: bus }));
  const levelsLine = meterLine(bus, floor, 2, () => levels.buses?.[index] ?? []);
  for (const [name, label] of [[`bus.${bus}.gain`, "level"], ...stems.map((s) => [`bus.${bus}.${s}.gain`, s])]) {
    const row = element("div", { class: "send" }, element("span", { text: label }));
    const fader = add(row, name, (action) => new Fader(action, hooks));
    if (fader) row.append(fader.readout);
    node.append(row);
  }
  node.append(levelsLine);
  return node;
}

function snapshotRow(parent) {
  const store = element("button", { type: "button", text: "Store", "aria-pressed": "false" });
  store.addEventListener("click", () => setStoring(!storing));
  const setStoring = (on) => {
    storing = on;
    store.setAttribute("aria-pressed", String(on));
    store.classList.toggle("on", on);
  };
  for (let n = 1; actions.has(`snapshot.${n}.recall`); n++) {
    const recall = actions.get(`snapshot.${n}.recall`);
    const slot = new Button(recall, String(n), hooks);
    slot.press = () => {
      const action = storing ? actions.get(`snapshot.${n}.store`) : recall;
      if (hooks.learning(action)) return;
      hooks.apply(action, 1);
      if (storing) notice(`stored as snapshot ${n}`);
      setStoring(false);
    };
    parent.append(slot.node);
  }
  parent.append(store);
}

function build(hello) {
  const { stems, buses, floor_db: floor } = hello.facts;
  actions = new Map(hello.actions.map((action) => [action.name, action]));
  [controls, lines, scrolls] = [new Map(), [], []];
  for (const id of ["strips", "presets", "snapshots", "desk", "buses"]) $(id).replaceChildren();
  stems.forEach((stem, index) => $("strips").append(stemStrip(stem, index, floor)));
  $("strips").append(masterStrip(floor));
  for (const action of hello.actions.filter((a) => /^(preset|model)\./.test(a.name))) {
    add($("presets"), action.name, button(action.label));
  }
  snapshotRow($("snapshots"));
  add($("desk"), "panic", button("All up"))?.node.classList.add("panic");
  add($("desk"), "undo", button("Undo"));
  if (hello.learn) learnButton($("desk"));
  $("desk").append(view.node);
  view.apply();
  buses.forEach((bus, index) => {
    if (actions.has(`bus.${bus}.gain`)) $("buses").append(busPanel(bus, stems, floor, index));
  });
}

function learnButton(parent) {
  const node = element("button", { type: "button", id: "learn", text: "MIDI learn", "aria-pressed": "false" });
  node.addEventListener("click", () => {
    if (learn === null) notice("choose a control of this page");
    else link.send({ type: "learn", action: null });
    setLearn(learn === null ? "" : null);
  });
  parent.append(node);
}

function setLearn(state) {
  learn = state;
  document.body.classList.toggle("learning", learn !== null);
  document.querySelector(".wanted")?.classList.remove("wanted");
  if (learn) document.querySelector(`[data-action="${CSS.escape(learn)}"]`)?.classList.add("wanted");
  $("learn")?.setAttribute("aria-pressed", String(learn !== null));
  $("learn")?.classList.toggle("on", learn !== null);
}

function show(values) {
  for (const [name, value] of Object.entries(values)) controls.get(name)?.show(value);
}

let noticeTimer;
function notice(text) {
  $("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => ($("notice").textContent = status.notice ?? ""), 6000);
}

function showStatus(news) {
  Object.assign(status, news);
  $("latency").textContent = `${status.latency_ms} ms`;
  $("load").textContent = `${Math.round(100 * status.load)}%`;
  const ppm = status.clock_ppm ?? null;
  $("clock-fact").hidden = ppm === null;
  $("clock").textContent = `${ppm > 0 ? "+" : ""}${ppm} ppm`;
  const xruns = status.xruns + status.deadline_misses;
  const misses = status.missed_blocks + status.input_underflows;
  $("misses").title = `${status.concealed_blocks} more blocks played with the last masks`;
  for (const [id, count] of [["xruns", xruns], ["misses", misses]]) {
    $(id).textContent = count;
    $(id).classList.toggle("bad", count > 0);
  }
  $("load").classList.toggle("bad", status.load > 0.8);
  if (news.notice) notice(news.notice);
  if (news.running === false) notice("the engine has stopped");
}

const handlers = {
  hello(message) {
    const now = JSON.stringify([message.actions, message.facts, message.learn]);
    if (now !== table) build(message);
    table = now;
    const { input, output, model, rate, provider, latency } = message.facts;
    $("about").textContent = `${input} → ${model} → ${output} · ${rate} Hz · ${provider} · ${latency}`;
    document.body.classList.remove("lost");
    show(message.values);
    view.tell();
  },
  state: (message) => show(message.values),
  meters: (message) => Object.assign(levels, message),
  spectrum: (message) => (spectra = message.bands),
  status: (message) => showStatus(message),
  error: (message) => notice(message.message),
  learned(message) {
    setLearn(null);
    notice(message.text);
  },
};

const link = new Link(
  (message) => handlers[message.type]?.(message),
  (state) => {
    $("link").textContent = state;
    $("link").dataset.state = state;
    document.body.classList.toggle("lost", state !== "connected");
    if (state !== "connected") [levels, spectra] = [{}, null];
  },
);

const view = new View((spectral) => {
  document.body.classList.toggle("spectral", spectral);
  for (const scroll of scrolls) scroll.show(spectral);
}, (spectrum) => link.send({ type: "watch", spectrum }));

let last = 0;
let spoken = 0;
function frame(now) {
  requestAnimationFrame(frame);
  if (now - last < FRAME - 2) return;
  const seconds = Math.min(0.2, (now - last) / 1000);
  last = now;
  const speak = now - spoken > 1000;
  if (speak) spoken = now;
  const bands = spectra ? spectra.length / scrolls.length : 0;
  scrolls.forEach((scroll, n) => {
    scroll.push(levels.stems?.[n] ?? -Infinity, spectra?.subarray(n * bands, (n + 1) * bands));
  });
  for (const { meters, read } of lines) {
    const found = read();
    meters.forEach((meter, n) => {
      meter.set(found[n] ?? meter.floor, now);
      meter.draw(now, seconds);
      if (speak) meter.say();
    });
  }
}
requestAnimationFrame(frame);
