"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const settings = read("page-settings"), cards = read("page-cards"), data = read("page-data");
  const root = document.documentElement;
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const say = (words) => { document.getElementById("said").textContent = words; };
  const make = (tag, words, name) => {
    const made = document.createElement(tag);
    if (words !== undefined) made.textContent = words;
    if (name) made.className = name;
    return made;
  };
  const later = () => new Promise((done) => setTimeout(done, 0));

  // ---- figures -------------------------------------------------------------------------------------------------
  const DAY_MS = 86400000, decoded = new Map();
  const MINUS = "\u2212", UNKNOWN = "\u2013";

  // Columns of a dataset, each value as charts take it: times in milliseconds, texts as texts.
  const columnsOf = (name) => {
    if (!decoded.has(name)) {
      const columns = {};
      for (const [key, { type, values, texts }] of Object.entries(data[name].columns)) {
        const times = type === "day" ? DAY_MS : type === "time" ? 1000 : 0;
        columns[key] = values.map((value) => value === null ? null
          : times ? value * times : type === "text" ? texts[value] : value);
      }
      decoded.set(name, columns);
    }
    return decoded.get(name);
  };
  // New objects for each chart, since Vega writes into them what it computes.
  const rowsOf = (name) => {
    const columns = Object.entries(columnsOf(name));
    return Array.from({ length: data[name].n }, (_, place) => {
      const row = {};
      for (const [key, values] of columns) row[key] = values[place];
      return row;
    });
  };
  const numberText = (value, digits, signed) => {
    const shown = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    if (Number(shown.replaceAll(",", "")) === 0) return shown;
    return (value < 0 ? MINUS : signed ? "+" : "") + shown;
  };
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const two = (number) => String(number).padStart(2, "0");
  const dayText = (ms) => { const at = new Date(ms); return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`; };
  const timeText = (ms) => { const at = new Date(ms); return `${dayText(ms)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`; };
  const shownText = (value, type, [, , digits, signed, divisor]) => {
    if (value === null) return UNKNOWN;
    if (type === "day") return dayText(value);
    if (type === "time") return timeText(value);
    if (typeof value === "boolean") return value ? "yes" : "no";
    return typeof value === "number" ? numberText(value / divisor, digits === null ? 0 : digits, signed) : value;
  };

  // ---- tables --------------------------------------------------------------------------------------------------
  const valueOf = (cell) => cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent;
  const asNumber = (text) => text.trim() === "" ? NaN : Number(text.replaceAll(MINUS, "-").replaceAll(",", ""));
  const compare = (one, other) => {
    const [a, b] = [asNumber(one), asNumber(other)];
    return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other, "en") : a - b;
  };
  const isUnknown = (text) => text === "" || text === UNKNOWN;
  const sortBy = (table, place) => {
    const headers = all("thead th", table), header = headers[place];
    const first = header.classList.contains("number") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    headers.forEach((each) => each.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", order);
    const body = table.tBodies[0], sign = order === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows, (row) => [valueOf(row.cells[place]), row]);
    // What is unknown stands last either way.
    rows.sort(([a], [b]) => isUnknown(a) || isUnknown(b) ? isUnknown(a) - isUnknown(b) : sign * compare(a, b));
    body.append(...rows.map(([, row]) => row));
  };
  const makeSortable = (table) => all("thead th", table).forEach((header, place) => {
    const button = make("button", header.textContent);
    button.type = "button";
    button.addEventListener("click", () => sortBy(table, place));
    header.replaceChildren(button);
  });
  const typesOf = (card) => card.columns.map(([key]) => data[card.dataset].columns[key].type);
  const fillFigures = (details) => {
    const card = cards[details.dataset.figures], columns = columnsOf(card.dataset), types = typesOf(card);
    const total = data[card.dataset].n;
    let places = Array.from({ length: total }, (_, place) => place);
    // The newest first, where there is a time.
    const time = types.findIndex((type) => type === "day" || type === "time");
    if (time >= 0) {
      const times = columns[card.columns[time][0]];
      places.sort((a, b) => times[b] - times[a] || a - b);
    }
    places = places.slice(0, settings.most_rows);
    const table = make("table"), head = table.createTHead().insertRow();
    for (const [, header, digits] of card.columns) {
      const cell = make("th", header, digits === null ? "" : "number");
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    for (const place of places) {
      const row = body.insertRow();
      card.columns.forEach((column, at) => {
        const value = columns[column[0]][place], shown = shownText(value, types[at], column);
        const cell = row.insertCell();
        cell.textContent = shown;
        if (column[2] !== null) cell.className = "number";
        if (value !== null && String(value) !== shown) cell.dataset.v = String(value);
      });
    }
    makeSortable(table);
    const scroll = make("div", undefined, "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `Figures of: ${titleOf(details.dataset.figures)}`);
    scroll.append(table);
    const csv = make("button", "CSV", "small");
    csv.type = "button";
    csv.addEventListener("click", () => saveCsv(details.dataset.figures));
    details.append(scroll);
    if (places.length < total) {
      const words = `The ${time >= 0 ? "newest" : "first"} ${places.length} of ${total.toLocaleString("en-US")} rows; the CSV has all.`;
      details.append(make("p", words, "caption"));
    }
    details.append(csv);
  };
  const titleOf = (key) => document.getElementById(key).querySelector("h3").textContent;
  // What spreadsheets take for a formula, in the wide forms too.
  const FORMULA = new Set([..."=+-@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"]);
  const csvCell = (value, type, divisor) => {
    if (value === null) return "";
    if (type === "day") return new Date(value).toISOString().slice(0, 10);
    if (type === "time") return new Date(value).toISOString().replace(".000", "");
    if (typeof value === "number") return String(divisor === 1 ? value : Number((value / divisor).toPrecision(12)));
    let text = String(value);
    if (FORMULA.has([...text.trimStart()][0]) || text[0] === "\t" || text[0] === "\r") text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csvOf = (key) => {
    const card = cards[key], columns = columnsOf(card.dataset), types = typesOf(card);
    const lines = [card.columns.map(([, header]) => csvCell(header, "text", 1))];
    for (let place = 0; place < data[card.dataset].n; place += 1) {
      lines.push(card.columns.map(([name, , , , divisor], at) => csvCell(columns[name][place], types[at], divisor)));
    }
    return lines.map((line) => line.join(",")).join("\r\n") + "\r\n";
  };
  const saveCsv = (key) => {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob(["\uFEFF", csvOf(key)], { type: "text/csv;charset=utf-8" }));
    link.download = `${key}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // ---- charts --------------------------------------------------------------------------------------------------
  const HIGHLIGHT = "hl";
  const views = new Map(), begun = new Map(), chosen = {};
  let singled = "";

  const wantedOf = (card) => {
    const wanted = { [HIGHLIGHT]: singled };
    for (const name of card.controls) if (name in chosen) wanted[name] = chosen[name];
    return wanted;
  };
  const hasSignal = (view, name) => { try { view.signal(name); return true; } catch { return false; } };
  const setSignals = (view, wanted) => {
    let isChanged = false;
    for (const [name, value] of Object.entries(wanted)) {
      if (hasSignal(view, name) && view.signal(name) !== value) {
        view.signal(name, value);
        isChanged = true;
      }
    }
    return isChanged ? view.runAsync() : Promise.resolve();
  };
  const seriesOfItem = (item, key) => item && item.datum && typeof item.datum[key] === "string" ? item.datum[key] : null;
  const drawn = async (place) => {
    const key = place.dataset.chart, card = cards[key], wanted = wantedOf(card);
    const params = (card.spec.params || []).map((param) => param.name in wanted ? { ...param, value: wanted[param.name] } : param);
    const spec = { ...card.spec, params, datasets: { ...card.spec.datasets, [card.dataset]: rowsOf(card.dataset) } };
    try {
      place.replaceChildren();
      const { view } = await window.vegaEmbed(place, spec, {
        ast: true, renderer: "svg", actions: false, defaultStyle: false, config: settings.config,
        tooltip: { disableDefaultStyle: true },
      });
      views.set(key, view);
      // What was chosen while it was drawn.
      await setSignals(view, wantedOf(card));
      if (card.key) {
        view.addEventListener("click", (_, item) => {
          const series = seriesOfItem(item, card.key);
          if (series !== null) singleOut(series === singled ? "" : series);
        });
      }
      place.dataset.state = "drawn";
    } catch (error) {
      console.warn(`chart ${key}:`, error);
      place.dataset.state = "failed";
      place.classList.add("failed");
      place.replaceChildren(make("p", "This chart could not be drawn. Its figures are in the table below."));
      const figures = document.querySelector(`[data-figures="${CSS.escape(key)}"]`);
      if (figures) figures.open = true;
    }
  };
  const draw = (place) => {
    if (!begun.has(place)) begun.set(place, drawn(place));
    return begun.get(place);
  };
  const isShown = (place) => place.offsetParent !== null;
  const drawAll = async () => {
    for (const place of all("[data-chart]")) {
      if (!begun.has(place) && isShown(place)) {
        await draw(place);
        await later();
      }
    }
    await Promise.all(begun.values());
    root.dataset.charts = "all";
  };
  const inEach = (only) => Promise.all(Array.from(views, ([key, view]) => {
    const wanted = wantedOf(cards[key]);
    return setSignals(view, only ? Object.fromEntries(Object.entries(wanted).filter(([name]) => name === only)) : wanted);
  }));

  // ---- series singled out --------------------------------------------------------------------------------------
  const labelOf = (series) => {
    const chip = document.querySelector(`[data-series="${CSS.escape(series)}"]`);
    return chip ? chip.dataset.label : series;
  };
  const singleOut = (series) => {
    if (series === singled) return;
    singled = series;
    for (const chip of all("button[data-series]")) chip.setAttribute("aria-pressed", String(chip.dataset.series === series && series !== ""));
    say(series ? `${labelOf(series)} is singled out in all charts; Escape shows all again.` : "All series are shown alike.");
    inEach(HIGHLIGHT);
  };

  // ---- what the reader does ------------------------------------------------------------------------------------
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      say("Copied.");
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    } catch {
      // No clipboard here: the text is selected, for the reader to copy it.
      getSelection().selectAllChildren(source);
      say("The text is selected; copy it with your keyboard.");
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.series !== undefined) singleOut(button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.series);
    if (button.dataset.copy) copy(button);
    if (button.dataset.csv) saveCsv(button.dataset.csv);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") singleOut(""); });
  all("[data-figures]").forEach((details) => details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) fillFigures(details);
  }));
  all("table.sortable").forEach(makeSortable);
  all("[data-copy],[data-csv]").forEach((button) => { button.hidden = false; });
  all("form.controls").forEach((form) => {
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => {
      chosen[event.target.name] = event.target.value;
      inEach(event.target.name);
    });
    // A browser that comes back to the page keeps what was chosen.
    for (const input of all("input:checked", form)) chosen[input.name] = input.value;
  });

  // ---- long sections on a narrow screen ------------------------------------------------------------------------
  const unfold = (section) => {
    if (!section || !section.classList.contains("folded")) return;
    section.classList.remove("folded");
    drawAll();
  };
  const unfoldTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches(".card") && !isShown(target)) {
      unfold(target.closest(".part"));
      target.scrollIntoView();
    }
  };
  all("[data-unfold]").forEach((button) => {
    const section = button.closest(".part");
    section.classList.add("folded");
    button.addEventListener("click", () => {
      const next = all(".card", section)[2];
      unfold(section);
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
    });
  });
  addEventListener("hashchange", unfoldTarget);

  // ---- light and dark ------------------------------------------------------------------------------------------
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches;
  const themeButton = document.getElementById("theme");
  const nameButton = () => { themeButton.textContent = isDark() ? "Light page" : "Dark page"; };
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("marketflows-theme", root.dataset.theme); } catch { /* It is not remembered, then. */ }
    nameButton();
  });
  prefersDark.addEventListener("change", nameButton);
  nameButton();

  // ---- age: what was fresh when the page was written may be stale when it is read ----------------------------------
  const ribbon = document.getElementById("stale"), told = all("span", ribbon), pills = all(".pills > span.pill");
  settings.parts.forEach(({ label, stale_at: staleAt, tables }, place) => {
    if (staleAt === null || Date.now() <= staleAt) return;
    const [, words] = tables.find(([until]) => until !== null && Date.now() > until);
    told[place].textContent = `${label}: ${words}. `;
    pills[place].classList.replace("new", "old");
    pills[place].querySelector("span").textContent = "stale";
    told[place].hidden = ribbon.hidden = false;
  });

  // ---- drawing: what is seen at once, then the rest one by one -------------------------------------------------
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: "200px" });
  all("[data-chart]").forEach((place) => seen.observe(place));
  if (document.readyState === "complete") setTimeout(drawAll, 0);
  else addEventListener("load", () => setTimeout(drawAll, 0));
  addEventListener("beforeprint", () => {
    all(".part.folded").forEach((section) => section.classList.remove("folded"));
    all("[data-chart]").forEach(draw);
  });
  unfoldTarget();
})();
