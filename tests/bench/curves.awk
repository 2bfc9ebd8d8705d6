# curves.awk: lines "TABLE X PANEL CURVE VALUE", parted by tabs, as an SVG: a row a table, a panel a quantity.  Values of
# x stand side by side, as they were given; a scale begins at 0, or is logarithmic where one value is 50 times another.
BEGIN {
	FS = "\t"
	width = 300; height = 150; left = 60; top = 60; across = width + 90; down = height + 110
	split("#2166ac #b2182b #1a7f37", colours, " ")
}
function number(list, count, what,    i) { # its number in the list, where it is added when it is new
	for (i = 1; i <= count; i++)
		if (list[i] == what)
			return i
	list[count + 1] = what
	return count + 1
}
{
	t = number(tables, table_count, $1); if (t > table_count) table_count = t
	p = number(panels, panel_count, $1 FS $3); if (p > panel_count) { panel_count = p; table_of[p] = t; title[p] = $3; column[p] = ++columns[t] }
	x = number(xs, x_count, $1 FS $2); if (x > x_count) { x_count = x; at[x] = ++steps[t]; name[x] = $2; x_table[x] = t }
	c = number(curves, curve_count, $1 FS $3 FS $4); if (c > curve_count) { curve_count = c; panel_of[c] = p; label[c] = $4; place[c] = ++labels[p] }
	value[c, x] = $5
	if ($5 > most[p]) most[p] = $5
	if (!(p in least) || $5 < least[p]) least[p] = $5
	if (columns[t] > wide) wide = columns[t]
}
function text(x, y, anchor, colour, what) {
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, anchor, colour, what
}
function is_log(p) { return least[p] > 0 && most[p] > 50 * least[p] }
function share(p, v) {
	if (is_log(p))
		return 0.05 + 0.77 * log(v / least[p]) / log(most[p] / least[p])
	return most[p] > 0 ? 0.82 * v / most[p] : 0
}
function left_of(p) { return left + (column[p] - 1) * across }
function top_of(p) { return top + (table_of[p] - 1) * down }
function x_at(p, x) { return left_of(p) + (at[x] - 0.5) / steps[table_of[p]] * width }
function y_at(p, v) { return top_of(p) + height * (1 - share(p, v)) }
END {
	printf "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		left + wide * across, top + table_count * down
	print "<title>Cost as the work grows</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
	for (p = 1; p <= panel_count; p++) {
		printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#666666\"/>\n", left_of(p), top_of(p), width, height
		text(left_of(p), top_of(p) - 10, "start", "#000000", title[p] (is_log(p) ? ", logarithmic" : ""))
		text(left_of(p) - 6, y_at(p, most[p]) + 4, "end", "#000000", most[p])
		text(left_of(p) - 6, (is_log(p) ? y_at(p, least[p]) : top_of(p) + height) + 4, "end", "#000000", is_log(p) ? least[p] : 0)
		text(left_of(p) + width / 2, top_of(p) + height + 36, "middle", "#000000", tables[table_of[p]])
		for (x = 1; x <= x_count; x++)
			if (x_table[x] == table_of[p])
				text(x_at(p, x), top_of(p) + height + 18, "middle", "#000000", name[x])
	}
	for (c = 1; c <= curve_count; c++) {
		p = panel_of[c]; colour = colours[place[c]]; points = ""
		for (x = 1; x <= x_count; x++)
			if ((c, x) in value) {
				points = points sprintf("%.1f,%.1f ", x_at(p, x), y_at(p, value[c, x]))
				printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x_at(p, x), y_at(p, value[c, x]), colour
			}
		printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>\n", colour, points
		text(left_of(p) + 8 + (place[c] - 1) * 100, top_of(p) + 16, "start", colour, label[c])
	}
	print "</svg>"
}
