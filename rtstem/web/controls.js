// Controls of the page: faders, knobs and buttons, each bound to one action.

const STEP = 0.02;
const PAGE = 0.1;
const SETTLE = 200; // ms after the last move in which the server's echo is not shown
const MIN_SEND = 25; // ms between two messages of one fader

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function clamp(value) {
  return Math.min(1, Math.max(0, value));
}

// Decibels of a fader at `position`: the desk's cubic taper.
export function faderText(position) {
  if (position <= 0) return "off";
  const db = 60 * Math.log10(position);
  return db > -0.05 ? "0.0 dB" : db.toFixed(db > -10 ? 1 : 0).replace("-", "−") + " dB";
}

export function filterText(position) {
  const way = (position - 0.5) * 2;
  if (Math.abs(way) <= 0.03) return "off";
  return `${way < 0 ? "low" : "high"} ${Math.round(Math.abs(way) * 100)}%`;
}

// What a slider does: one value from 0 to 1, by pointer and by keys. `along` tells from a pointer
// event how far up it is, in pixels; `reach` how many pixels make the whole way.
class Slider {
  constructor(action, text, hooks) {
    this.action = action;
    this.text = text;
    this.hooks = hooks; // {apply(action, value), learning(action) -> handled}
    this.value = action.default;
    this.server = action.default; // what the desk said last
    this.wanted = action.default; // what the desk was asked for last
    this.held = false;
    this.moved = -Infinity;
    this.sent = -Infinity;
    this.node = element("div", {
      role: "slider", tabindex: "0", "aria-label": action.label,
      "aria-valuemin": "0", "aria-valuemax": "100", "data-action": action.name,
    });
    this.node.addEventListener("pointerdown", (e) => this.grab(e));
    this.node.addEventListener("pointermove", (e) => this.drag(e));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.node.addEventListener(type, () => this.release());
    }
    this.node.addEventListener("dblclick", () => this.move(action.default));
    this.node.addEventListener("keydown", (e) => this.key(e));
  }

  grab(event) {
    if (event.button !== 0 || this.held) return;
    if (this.hooks.learning(this.action)) return event.preventDefault();
    this.held = true;
    this.start = this.along(event);
    this.origin = this.value;
    this.node.setPointerCapture(event.pointerId);
    this.node.classList.add("held");
    this.node.focus({ preventScroll: true });
  }

  drag(event) {
    if (!this.held) return;
    const fine = event.shiftKey ? 0.2 : 1;
    this.move(this.origin + (fine * (this.along(event) - this.start)) / this.reach());
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.node.classList.remove("held");
    this.flush();
    setTimeout(() => this.show(this.server), SETTLE);
  }

  key(event) {
    const by = {
      ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP,
      PageUp: PAGE, PageDown: -PAGE,
    }[event.key];
    const to = { Home: 0, End: 1, Delete: this.action.default }[event.key];
    if (event.key === "Enter" && this.hooks.learning(this.action)) return;
    if (by === undefined && to === undefined) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.move(to ?? this.value + by);
  }

  move(value) {
    value = Math.round(clamp(value) * 1000) / 1000;
    if (value === this.value) return;
    this.draw(value);
    this.moved = performance.now();
    clearTimeout(this.later);
    const wait = MIN_SEND - (this.moved - this.sent);
    if (wait <= 0) this.flush();
    else this.later = setTimeout(() => this.flush(), wait);
    clearTimeout(this.settle);
    this.settle = setTimeout(() => this.show(this.server), SETTLE + 50);
  }

  flush() {
    clearTimeout(this.later);
    if (this.value === this.wanted) return;
    this.sent = performance.now();
    this.wanted = this.value;
    this.hooks.apply(this.action, this.value);
  }

  // The value that the desk has; the hand on the control goes first.
  show(value) {
    this.server = value;
    if (this.held || performance.now() - this.moved < SETTLE) return;
    this.wanted = value;
    this.draw(value);
  }

  draw(value) {
    this.value = value;
    const text = this.text(value);
    this.node.style.setProperty("--at", value);
    this.node.setAttribute("aria-valuenow", Math.round(value * 100));
    this.node.setAttribute("aria-valuetext", text);
    if (this.readout) this.readout.textContent = text;
  }
}

export class Fader extends Slider {
  constructor(action, hooks) {
    super(action, faderText, hooks);
    this.node.classList.add("fader");
    this.node.append(element("span", { class: "groove" }), element("span", { class: "cap" }));
    this.readout = element("output", { class: "db", "aria-hidden": "true" });
    new ResizeObserver(() => this.turn()).observe(this.node);
    this.draw(this.value);
    this.turn();
  }

  turn() {
    this.flat = this.node.clientWidth > this.node.clientHeight;
    this.node.setAttribute("aria-orientation", this.flat ? "horizontal" : "vertical");
  }

  along(event) {
    return this.flat ? event.clientX : -event.clientY;
  }

  reach() {
    return Math.max(40, (this.flat ? this.node.clientWidth : this.node.clientHeight) - 28);
  }
}

export class Knob extends Slider {
  constructor(action, hooks) {
    super(action, filterText, hooks);
    this.node.classList.add("knob");
    this.readout = element("output", { class: "value", "aria-hidden": "true" });
    this.draw(this.value);
  }

  along(event) {
    return event.clientX - event.clientY;
  }

  reach() {
    return 180;
  }

  move(value) {
    super.move(this.held && Math.abs(value - 0.5) < 0.025 ? 0.5 : value);
  }
}

export class Button {
  constructor(action, text, hooks) {
    this.action = action;
    this.hooks = hooks;
    this.node = element("button", {
      type: "button", text, "aria-label": action.label, title: action.label,
      "data-action": action.name,
    });
    if (action.kind === "toggle") this.node.setAttribute("aria-pressed", "false");
    this.node.addEventListener("click", () => this.press());
  }

  press() {
    if (this.hooks.learning(this.action)) return;
    this.hooks.apply(this.action, this.action.kind === "trigger" || !this.on ? 1 : 0);
  }

  show(value) {
    this.on = value >= 0.5;
    this.node.classList.toggle("on", this.on);
    if (this.action.kind === "toggle") this.node.setAttribute("aria-pressed", String(this.on));
    else if (this.on) this.node.setAttribute("aria-current", "true");
    else this.node.removeAttribute("aria-current");
  }
}
