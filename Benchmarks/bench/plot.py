"""The plot: a panel a workload, a bar a contender, as long as it is fast. Readable on light and dark ground."""

from xml.sax.saxutils import escape

from bench.report import WHAT, shown

WIDTH, LABELS, BAR, GAP, HEAD = 760, 215, 18, 6, 34
# Midway between black and white, so that they stand out on both.
TEXT, COLOURS = "#7f8790", {"wherry": "#2f81f7", "ceiling": "#8b949e", "source": "#8b949e"}
OTHERS = "#c98a2b"
PANELS = ["seed", "backlog", "hot", "wide", "tables", "transaction"]


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{TEXT}" {more}>{escape(words)}</text>'


def panel(name, results, top):
    """Its lines and its height."""
    title = f"{WHAT[name][0]}: {'rows' if name == 'seed' else 'changes'} a second"
    lines = [text(8, top + 16, title, 'font-weight="bold"')]
    results = sorted(results, key=lambda result: -result.get("per_second", 0))
    most = max(result.get("per_second", 0) for result in results) or 1
    y = top + HEAD - 8
    for result in results:
        words = shown(result)
        lines.append(text(LABELS - 8, y + 13, words["title"], 'text-anchor="end"'))
        if "per_second" not in result:
            lines.append(text(LABELS, y + 13, result["absent"].partition(":")[0]))
        else:
            width = max(1, (WIDTH - LABELS - 200) * result["per_second"] / most)
            colour = COLOURS.get(result["contender"], OTHERS)
            wrong = "" if result.get("correct", True) else " (documents missing or wrong)"
            lines.append(f'<rect x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>')
            lines.append(text(LABELS + width + 6, y + 13, f"{result['per_second']:,}{wrong}"))
        y += BAR + GAP
    return lines, y - top + 12


def svg(results):
    lines, top = [], 8
    for name in PANELS:
        group = [result for result in results if result["workload"] == name]
        if group:
            drawn, height = panel(name, group, top)
            lines += drawn
            top += height
    lines.append(text(8, top + 12, "Blue: Wherry. Grey: the limits of sink and source. Orange: others."))
    top += 26
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        "<title>Rows and changes a second, by workload and contender</title>", *lines, "</svg>", ""])
