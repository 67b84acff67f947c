// Meters with peak hold, and a scrolling level waveform for each stem.

import { element } from "./controls.js";

const HOLD = 1500; // ms that a peak stays
const FALL = 20; // dB a second afterwards
const COLUMN = 2; // pixels a frame of 1/30 s

export class Meter {
  constructor(label, floor) {
    this.floor = floor;
    this.level = this.peak = floor;
    this.until = 0;
    this.bar = element("span", { class: "bar" });
    this.hold = element("span", { class: "hold" });
    this.node = element("div", {
      class: "meter", role: "meter", "aria-label": `${label} level`, "aria-valuemin": floor,
      "aria-valuemax": 0, "aria-valuenow": floor,
    }, this.bar, this.hold);
  }

  share(db) {
    return Math.min(1, Math.max(0, 1 - db / this.floor));
  }

  set(db, now) {
    this.level = db;
    if (db >= this.peak) [this.peak, this.until] = [db, now + HOLD];
  }

  draw(now, seconds) {
    if (now > this.until) this.peak = Math.max(this.level, this.peak - FALL * seconds);
    const level = this.share(this.level).toFixed(3);
    const peak = this.share(this.peak).toFixed(3);
    if (level !== this.drawnLevel) this.bar.style.setProperty("--level", (this.drawnLevel = level));
    if (peak !== this.drawnPeak) {
      this.hold.style.setProperty("--peak", (this.drawnPeak = peak));
      this.hold.classList.toggle("hot", this.peak > -1);
    }
  }

  say() {
    this.node.setAttribute("aria-valuenow", this.level);
    this.node.setAttribute("aria-valuetext", this.level <= this.floor ? "silent" : `${this.level} dB`);
  }
}

export class Wave {
  constructor(label) {
    this.node = element("canvas", { class: "wave", role: "img", "aria-label": `${label}, last seconds` });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(() => this.fit()).observe(this.node);
  }

  fit() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [this.node.clientWidth * ratio, this.node.clientHeight * ratio];
    if (width < 1 || height < 1) return;
    [this.node.width, this.node.height] = [Math.round(width), Math.round(height)];
    this.pen = this.node.getContext("2d");
    this.colour = getComputedStyle(this.node).color;
  }

  // One more column: the level in dB, drawn by a curve between dB and amplitude.
  push(db) {
    if (!this.pen || this.still.matches) return;
    const { width, height } = this.node;
    this.pen.globalCompositeOperation = "copy";
    this.pen.drawImage(this.node, -COLUMN, 0);
    this.pen.globalCompositeOperation = "source-over";
    this.pen.fillStyle = this.colour;
    const tall = Math.max(1, Math.min(1, 10 ** (db / 46)) * height);
    this.pen.fillRect(width - COLUMN, (height - tall) / 2, COLUMN, tall);
  }
}
