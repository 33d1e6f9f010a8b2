// What a reader with weak sight could not read on the page as it is rendered now, as sentences. The bounds are those of WCAG 2.2 AA:
// 4.5:1 for text, 3:1 for graphics and the borders of controls; and text of at least 12 px that is neither cut off nor covered.
(() => {
  const problems = [];
  const colour = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return [red, green, blue, alpha];
  };
  const over = (above, below) => [0, 1, 2].map((i) => above[i] * above[3] + below[i] * (1 - above[3])).concat(1);
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const parents = (element) => (element ? [element, ...parents(element.parentElement)] : []);
  const ground = (element) => parents(element).map((one) => colour(getComputedStyle(one).backgroundColor)).reduceRight(
    (below, above) => over(above, below), [255, 255, 255, 1]);
  const ratio = (text, element, behind = ground(element)) => {
    const above = colour(text);
    above[3] *= parents(element).reduce((product, one) => product * getComputedStyle(one).opacity, 1);
    const [low, high] = [luminance(over(above, behind)), luminance(behind)].sort((one, other) => one - other);
    return (high + 0.05) / (low + 0.05);
  };
  const demand = (bound, found, what) => {
    if (found < bound) {
      problems.push(`${what}: ${found.toFixed(2)} is below ${bound}`);
    }
  };
  const labels = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (!text || element.closest("script, style, noscript, title, option") || !element.checkVisibility() || box.width === 0) {
      continue;
    }
    const style = getComputedStyle(element);
    const svg = element.closest("svg");
    const matrix = svg ? element.getScreenCTM() : { a: 1, b: 0 };
    demand(12, parseFloat(style.fontSize) * Math.hypot(matrix.a, matrix.b), `size in px of "${text}"`);
    demand(4.5, ratio(svg ? style.fill : style.color, element), `contrast of "${text}"`);
    if ((box.left < 0 || box.right > innerWidth) && !element.closest(".scroll")) {
      problems.push(`"${text}" is cut off`);
    }
    if (svg) {
      const others = labels.get(svg) ?? [];
      labels.set(svg, [...others, [text, box]]);
      for (const [other, its] of others) {
        if (box.left + 1 < its.right && its.left + 1 < box.right && box.top + 2 < its.bottom && its.top + 2 < box.bottom) {
          problems.push(`"${text}" covers "${other}"`);
        }
      }
    }
  }
  for (const shape of document.querySelectorAll("circle, rect, line, polyline, path")) {
    const { fill, stroke } = getComputedStyle(shape);
    const seen = ["line", "polyline"].includes(shape.tagName) || fill === "none" ? stroke : fill;
    if (!shape.classList.contains("grid")) {
      demand(3, seen === "none" ? 1 : ratio(seen, shape), `contrast of a ${shape.tagName} (${shape.getAttribute("class")})`);
    }
  }
  for (const control of document.querySelectorAll("select, button, input")) {
    demand(4.5, ratio(getComputedStyle(control).color, control), `contrast of the text of ${control.id}`);
    demand(12, parseFloat(getComputedStyle(control).fontSize), `size in px of the text of ${control.id}`);
    demand(3, ratio(getComputedStyle(control).borderTopColor, control, ground(control.parentElement)), `contrast of the border of ${control.id}`);
  }
  const focused = document.activeElement;
  if (focused !== document.body) {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(focused);
    demand(2, outlineStyle === "none" ? 0 : parseFloat(outlineWidth), `width in px of the focus ring of a ${focused.tagName}`);
    demand(3, ratio(outlineColor, focused, ground(focused.parentElement)), `contrast of the focus ring of a ${focused.tagName}`);
  }
  return problems;
})()
