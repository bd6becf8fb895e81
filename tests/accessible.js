// What the rules of WCAG 2.2 that can be counted say of a page as it stands, as a list of breaches.
() => {
    const wrong = [];
    const all = (selector) =>
        [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const check = (good, what, one) => good || wrong.push(`${what}: ${one.outerHTML.slice(0, 99)}`);

    check(document.documentElement.lang, "no language", document.documentElement);
    check(all("h1").length === 1 && all("main").length === 1, "not one h1, main", document.body);
    let level = 1;
    for (const one of all("h1, h2, h3, h4, h5")) {
        check(+one.tagName[1] <= level + 1, "a level is skipped", one);
        level = +one.tagName[1];
    }
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    check(new Set(ids).size === ids.length, "an id twice", document.body);
    for (const name of ["aria-describedby", "aria-labelledby", "aria-controls", "for"])
        for (const one of document.querySelectorAll(`[${name}]`))
            check(document.getElementById(one.getAttribute(name)), `${name} of nothing`, one);
    for (const one of all("input, select"))
        check(one.labels.length || one.ariaLabel, "no label", one);
    for (const one of all("button, a, summary, label, th"))
        check(one.textContent.trim() || one.ariaLabel, "no name", one);
    for (const one of all("img")) check(one.alt, "no alt", one);
    for (const one of all("canvas")) check(one.ariaLabel && one.role === "img", "no name", one);
    for (const one of all("button, select, summary, .choice, .drop"))
        check(one.getBoundingClientRect().height >= 24 || one.matches("p *"), "too small", one);
    for (const one of all("table")) check(one.querySelector("th[scope]"), "no heads", one);
    check(all("[role=status]").length, "nothing is said", document.body);

    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => {
        const [red, green, blue] = colour.map((value) =>
            value / 255 <= 0.04045 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (one) => {
        const colour = rgba(getComputedStyle(one).backgroundColor);
        return colour[3] || !one.parentElement ? colour : ground(one.parentElement);
    };
    for (const one of all("body *")) {
        const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!text || one.matches(":disabled, option")) continue;
        const pair = [light(rgba(getComputedStyle(one).color)), light(ground(one))];
        const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        check(contrast >= 4.5, `contrast ${contrast.toFixed(1)}`, one);
    }
    return wrong;
}
