/**
 * As much Markdown as the model cards use, as elements: headings, paragraphs, lists, tables, quotes,
 * and in a line bold, italics and code. Text is only ever text. Knows nothing of the page.
 */

import { element } from "./results.js";

/** The blocks of a text; its headings begin one level lower, below the page's own. */
export function markdown(text) {
  return text
    .replaceAll("\r", "")
    .split(/\n{2,}/)
    .flatMap((block) => (block.trim() ? blocks(block.replace(/^\n+|\n+$/g, "").split("\n")) : []));
}

function blocks(lines) {
  const [first, ...rest] = lines;
  const heading = /^(#{1,4}) (.*)/.exec(first);
  if (heading) {
    const made = element(`h${heading[1].length + 1}`, {}, ...inline(heading[2]));
    return rest.length ? [made, ...blocks(rest)] : [made];
  }
  if (first.startsWith("|")) return [table(lines)];
  if (first.startsWith(">")) {
    const quoted = lines.map((line) => line.replace(/^> ?/, "")).join("\n");
    return [element("blockquote", {}, ...markdown(quoted))];
  }
  if (first.startsWith("- ")) {
    const items = lines.join("\n").slice(2).split("\n- ");
    return [element("ul", {}, ...items.map((item) => element("li", {}, ...inline(item))))];
  }
  return [element("p", {}, ...inline(lines.join("\n")))];
}

function table([head, , ...rows]) {
  const cells = (line) => line.split("|").slice(1, -1).map((cell) => cell.trim());
  const header = cells(head).map((cell) => element("th", { scope: "col" }, ...inline(cell)));
  const row = (line) => {
    const [name, ...values] = cells(line);
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, ...inline(name)),
      ...values.map((value) => element("td", {}, ...inline(value))),
    );
  };
  const made = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...header)),
    element("tbody", {}, ...rows.map(row)),
  );
  return element("div", { className: "wide", tabIndex: 0, role: "group", ariaLabel: "Table" }, made);
}

const MARKS = [
  ["code", /^`([^`]+)`$/],
  ["strong", /^\*\*([^*]+)\*\*$/],
  ["em", /^\*([^*]+)\*$/],
];

function inline(text) {
  const parts = text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)/);
  return parts.filter(Boolean).map((part) => {
    for (const [name, pattern] of MARKS) {
      const found = pattern.exec(part);
      if (found) return element(name, { textContent: found[1] });
    }
    return part;
  });
}
