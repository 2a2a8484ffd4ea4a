"use strict";
(() => {
  const root = document.documentElement;

  const wide = window.matchMedia("(min-width: 64rem)");
  const contents = document.querySelector("nav details");
  const fit = () => { contents.open = wide.matches; };
  fit();
  wide.addEventListener("change", fit);
  contents.addEventListener("click", (event) => {
    if (!wide.matches && event.target.closest("a")) contents.open = false;
  });

  const links = [...contents.querySelectorAll("a[href^='#']")];
  const targets = links.map((link) => document.getElementById(link.hash.slice(1)));
  let waiting = false;
  let current = null;
  const mark = () => {
    waiting = false;
    const line = window.innerHeight / 4;
    const end = window.innerHeight + window.scrollY >= root.scrollHeight - 2;
    let found = end ? links.length - 1 : 0;
    if (!end) targets.forEach((target, place) => { if (target.getBoundingClientRect().top <= line) found = place; });
    if (links[found] === current) return;
    if (current) current.removeAttribute("aria-current");
    current = links[found];
    current.setAttribute("aria-current", "location");
    if (wide.matches) {
      const box = contents.parentElement;
      const [top, height] = [current.offsetTop, current.offsetHeight];
      if (top < box.scrollTop || top + height > box.scrollTop + box.clientHeight) box.scrollTop = top - 120;
    }
  };
  const later = () => { if (!waiting) { waiting = true; window.requestAnimationFrame(mark); } };
  window.addEventListener("scroll", later, { passive: true });
  window.addEventListener("resize", later);
  mark();

  const chart = document.querySelector(".chart");
  if (chart) {
    const svg = chart.querySelector("svg");
    const told = chart.querySelector(".told");
    const start = told.textContent;
    const series = [...svg.querySelectorAll(".series")];
    // With the keyboard the study's own arms come first.
    const points = [...svg.querySelectorAll(".arm .point"), ...svg.querySelectorAll(".cohort .point")];
    const there = () => points.filter((point) => !point.parentElement.classList.contains("off"));
    let chosen = null;
    const choose = (point) => {
      if (point === chosen) return;
      if (chosen) chosen.classList.remove("chosen");
      chosen = point;
      if (point) point.classList.add("chosen");
      told.textContent = point ? point.getAttribute("aria-label") : start;
    };
    const rove = (to) => points.forEach((point) => point.setAttribute("tabindex", point === to ? "0" : "-1"));

    series.forEach((group) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      const key = document.createElement("span");
      box.type = "checkbox";
      box.checked = true;
      box.value = group.dataset.series;
      key.className = `key ${group.getAttribute("class").replace("series", "").trim()}`;
      label.append(box, key, group.dataset.name);
      chart.querySelector(group.classList.contains("arm") ? ".arms" : ".cohorts").append(label);
      box.addEventListener("change", () => {
        group.classList.toggle("off", !box.checked);
        if (chosen && chosen.parentElement === group) choose(null);
        rove(there()[0]);
      });
    });
    chart.querySelectorAll("fieldset").forEach((set) => { set.hidden = !set.querySelector("input"); });

    svg.addEventListener("pointermove", (event) => {
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let near = null;
      let least = 28;
      there().forEach((point) => {
        const away = Math.hypot(point.dataset.x - place.x, point.dataset.y - place.y);
        if (away < least) [near, least] = [point, away];
      });
      if (near) choose(near);
    });
    // Not on the drawing itself: that would make it a stop of the keyboard.
    svg.parentElement.addEventListener("focusin", (event) => {
      const point = event.target.closest(".point");
      if (point) { rove(point); choose(point); }
    });
    svg.parentElement.addEventListener("keydown", (event) => {
      const all = there();
      const at = all.indexOf(event.target.closest(".point"));
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
      if (event.key === "Escape") choose(null);
      if (at < 0 || !(event.key in to)) return;
      event.preventDefault();
      all[Math.min(Math.max(to[event.key], 0), all.length - 1)].focus();
    });
    rove(points[0]);
  }
  root.classList.add("js");
})();
