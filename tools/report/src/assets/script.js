(() => {
  "use strict";
  const root = document.documentElement, data = root.dataset;
  const start = +data.start, end = +data.end, steps = data.steps.split(" ").map(Number);
  const day = 864e5, longest = 2000;
  const all = (where, what) => Array.from(where.querySelectorAll(what));
  const add = (where, name, text) => {
    const e = document.createElement("span");
    e.className = name;
    if (text !== undefined) e.textContent = text;
    where.append(e);
    return e;
  };

  // Times. A time that a calendar cannot show is shown as milliseconds.
  const iso = t => { const d = new Date(t); return isNaN(d) ? null : d.toISOString(); };
  const names = t => new Date(t).toUTCString().replace(/^(\w+), 0?(\d+) (\w+) .*/, "$1 $2 $3");
  const moment = t => { const s = iso(t); return s ? s.slice(0, 10) + " " + clock(t) : Math.round(t) + " ms"; };
  const clock = t => {
    const s = iso(t);
    return s ? s.slice(11, (shownEnd - shownStart) < 6e4 ? 23 : 19) : Math.round(t) + " ms";
  };

  // What is shown: the same stretch of time in every plot.
  let shownStart = start, shownEnd = end;
  const at = fraction => shownStart + fraction * (shownEnd - shownStart);
  const where = t => (t - shownStart) / (shownEnd - shownStart);
  const axes = all(document, ".axis .plot"), grids = all(document, ".tg"), drawings = all(document, "svg");
  const inners = all(document, ".strip .inner");
  let moved = [];
  const whole = document.querySelector("[data-do=out]");

  function show(from, to) {
    const least = Math.max((end - start) / longest, 4);
    let width = Math.min(Math.max(to - from, least), end - start);
    from = Math.min(Math.max(from, start), end - width);
    shownStart = from;
    shownEnd = from + width;
    const total = end - start, x = (from - start) / total, w = width / total;
    root.style.setProperty("--zs", x);
    root.style.setProperty("--zw", 1 / w);
    drawings.forEach(s => s.setAttribute("viewBox", [x * 1e5, 0, w * 1e5, 1000].join(" ")));
    whole.disabled = width >= total;
    // The name of a box that begins before the edge moves to the edge.
    moved.forEach(i => { i.style.paddingLeft = ""; });
    moved = inners.map(inner => boxAt(inner, from)).filter(b => b && b.left < x * 100).map(b => b.box);
    moved.forEach(i => { i.style.paddingLeft = x * 100 - parseFloat(i.style.left) + "%"; });
    drawTicks();
    hide();
  }

  function drawTicks() {
    const width = shownEnd - shownStart;
    const step = steps.find(s => width / s < (s >= 6e4 && s < day ? 12 : 7)) || Math.ceil(width / 4);
    const ticks = [];
    for (let t = Math.ceil(shownStart / step) * step; t <= shownEnd; t += step) ticks.push(t);
    const label = t => {
      const s = iso(t);
      if (!s) return "";
      if (step >= day) return names(t).replace(/^\w+ /, "") + " " + s.slice(0, 4);
      return s.slice(11, step >= 6e4 ? 16 : step >= 1e3 ? 19 : 23);
    };
    axes.forEach(axis => {
      axis.textContent = "";
      ticks.forEach((t, i) => {
        const f = where(t) * 100, tick = add(axis, "tick" + (f < 3 ? " s" : f > 97 ? " e" : ""), label(t));
        tick.style.left = f + "%";
        if (step < day && (i === 0 || t % day === 0) && iso(t)) {
          const small = document.createElement("small");
          small.textContent = names(t);
          tick.append(small);
        }
      });
    });
    const lines = ticks.map(t => "M" + Math.round((t - start) / (end - start) * 1e5) + " 0v1000").join("");
    grids.forEach(g => g.setAttribute("d", lines));
  }

  // Values under the crosshair. Each chart is read when it is first pointed at.
  const read = new WeakMap();
  const number = v => { const n = +v; return Math.abs(n) >= 1e9 || (n && Math.abs(n) < 1e-4) ? v : String(n); };
  function points(svg) {
    let list = read.get(svg);
    if (!list) {
      let t = start;
      list = !svg.dataset.p ? [] : svg.dataset.p.split(" ").map(p => {
        const f = p.split(",");
        t += +f[0];
        return { t, v: f[1], end: t + +(f[2] || 0), min: f[3], max: f[4], last: f[5], n: f[6] };
      });
      read.set(svg, list);
    }
    return list;
  }
  function boxes(inner) {
    let list = read.get(inner);
    if (!list) {
      list = all(inner, "i").map(i => {
        const left = parseFloat(i.style.left);
        return { box: i, left, right: left + parseFloat(i.style.width), text: i.title, label: i.textContent };
      });
      read.set(inner, list);
    }
    return list;
  }
  function before(list, t) {
    let a = 0, b = list.length;
    while (a < b) { const m = (a + b) >> 1; list[m].t <= t ? a = m + 1 : b = m; }
    return list[a - 1];
  }
  function chartText(svg, t) {
    const p = before(points(svg), t);
    if (!p) return "no value yet";
    if (p.n && t <= p.end && p.min !== p.max) return number(p.min) + " – " + number(p.max) + " · " + p.n + " points";
    return number(p.n ? p.last : p.v);
  }
  function boxAt(inner, t) {
    const f = (t - start) / (end - start) * 100, list = boxes(inner);
    for (let i = list.length - 1; i >= 0; i--) if (list[i].left <= f && f <= list[i].right) return list[i];
  }

  // The crosshair of one block of charts.
  const tip = document.getElementById("tip");
  let block = null, crossings = [], time = 0;
  function hide() {
    crossings.forEach(c => c.remove());
    crossings = [];
    if (block) block.classList.remove("live");
    if (block) all(block, ".read").forEach(r => { r.textContent = ""; });
    tip.hidden = true;
    block = null;
  }
  function point(charts, t) {
    if (block !== charts) {
      hide();
      block = charts;
      charts.classList.add("live");
      crossings = all(charts, ".row .plot").map(p => add(p, p.closest(".axis") ? "now" : "cross"));
    }
    time = Math.min(Math.max(t, shownStart), shownEnd);
    const left = where(time) * 100 + "%";
    crossings.forEach(c => {
      c.style.left = left;
      if (c.className === "now") c.textContent = moment(time);
    });
    all(charts, ".row").forEach(row => {
      const out = row.querySelector(".read"), svg = row.querySelector("svg"), inner = row.querySelector(".inner");
      if (!out) return;
      if (svg) out.textContent = chartText(svg, time);
      else if (inner) out.textContent = (boxAt(inner, time) || { label: "no value yet" }).label;
    });
  }
  function plotAt(charts, e) {
    const plot = e.target.closest && e.target.closest(".plot") || charts.querySelector(".axis .plot");
    const r = plot.getBoundingClientRect();
    return { plot, f: (e.clientX - r.left) / r.width };
  }
  function explain(e) {
    const row = e.target.closest && e.target.closest(".row"), inner = row && row.querySelector(".strip .inner");
    const mark = e.target.closest && e.target.closest(".num");
    if (mark && mark.title) { mark.dataset.tip = mark.title; mark.removeAttribute("title"); }
    const found = inner && e.target.closest(".plot") && boxAt(inner, time);
    const text = mark && mark.dataset.tip || found && found.text;
    tip.hidden = !text;
    if (!text) return;
    // The browser's own tooltip would say the same again.
    if (e.target.closest("i") && e.target.closest("i").title) e.target.closest("i").removeAttribute("title");
    tip.textContent = text;
    const w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - w - 4)) + "px";
    tip.style.top = (e.clientY + 22 + h > innerHeight ? e.clientY - h - 12 : e.clientY + 22) + "px";
  }

  all(document, ".charts").forEach(charts => {
    let from = null, sel = null;
    charts.addEventListener("pointermove", e => {
      const { plot, f } = plotAt(charts, e);
      if (f < 0 || f > 1) { if (from === null) hide(); return; }
      point(charts, at(f));
      if (from !== null && sel) {
        sel.style.left = Math.min(from, f) * 100 + "%";
        sel.style.width = Math.abs(f - from) * 100 + "%";
      }
      explain(e);
    });
    charts.addEventListener("pointerleave", e => { if (from === null && e.pointerType !== "touch") hide(); });
    charts.addEventListener("pointerdown", e => {
      if (e.button || !e.target.closest(".plot") || e.target.closest("a")) return;
      const { plot, f } = plotAt(charts, e);
      // A finger scrolls the page; a tap reads the values.
      if (e.pointerType === "touch") {
        if (f >= 0 && f <= 1) { point(charts, at(f)); explain(e); }
        return;
      }
      from = f;
      sel = add(plot, "sel");
      sel.style.width = 0;
      e.preventDefault();
    });
    addEventListener("pointerup", e => {
      if (from === null) return;
      const r = sel.parentNode.getBoundingClientRect(), f = (e.clientX - r.left) / r.width, began = from;
      sel.remove();
      from = sel = null;
      if (Math.abs(f - began) * r.width > 6) show(at(Math.max(0, Math.min(began, f))), at(Math.min(1, Math.max(began, f))));
    });
    addEventListener("pointercancel", () => {
      if (sel) sel.remove();
      from = sel = null;
    });
    charts.addEventListener("dblclick", e => { if (e.target.closest(".plot")) show(start, end); });
    charts.addEventListener("keydown", e => {
      if (e.target !== charts || e.ctrlKey || e.metaKey || e.altKey) return;
      const width = shownEnd - shownStart, step = width / (e.shiftKey ? 10 : 100);
      const now = block === charts ? time : (shownStart + shownEnd) / 2;
      const zoom = by => { const w = width * by; show(now - w / 2, now + w / 2); point(charts, now); };
      const move = by => {
        if (now + by < shownStart || now + by > shownEnd) show(shownStart + by, shownEnd + by);
        point(charts, now + by);
      };
      if (e.key === "ArrowRight") move(step);
      else if (e.key === "ArrowLeft") move(-step);
      else if (e.key === "+" || e.key === "=") zoom(0.5);
      else if (e.key === "-") zoom(2);
      else if (e.key === "0") show(start, end);
      else if (e.key === "Escape") hide();
      else return;
      e.preventDefault();
    });
    charts.addEventListener("blur", hide);
  });

  // A row of the table points at its moment in the charts above.
  all(document, "tr[data-at]").forEach(row => row.addEventListener("pointerenter", () => {
    const charts = row.closest(".body").querySelector(".charts"), t = +row.dataset.at;
    if (t >= shownStart && t <= shownEnd) point(charts, t);
  }));

  // Links into closed details.
  const reveal = () => {
    const id = location.hash.slice(1), target = id && document.getElementById(id);
    for (let d = target && target.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  const themes = ["system", "light", "dark"];
  const does = {
    out: () => show(start, end),
    all: b => {
      const list = all(document, "details"), open = list.some(d => !d.open);
      list.forEach(d => { d.open = open; });
      b.textContent = open ? "Close all" : "Open all";
    },
    theme: b => {
      const next = themes[(themes.indexOf(data.theme || "system") + 1) % 3];
      if (next === "system") delete data.theme; else data.theme = next;
      b.textContent = "Theme: " + next;
    },
  };
  all(document, ".tools button").forEach(b => b.addEventListener("click", () => does[b.dataset.do](b)));
  document.querySelector(".tools").hidden = false;
})();
