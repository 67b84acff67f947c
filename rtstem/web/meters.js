// Meters with peak hold.

import { element } from "./controls.js";

const HOLD = 1500; // ms that a peak stays
const FALL = 20; // dB a second afterwards

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
