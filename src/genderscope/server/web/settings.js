/**
 * What the visitor has chosen. Says "threshold" where only labels change, and "network" where what is
 * asked for changes. Knows nothing of the page.
 */

class Settings extends EventTarget {
  /** One of the service's models, as GET /v1/models describes it. */
  model = null;
  threshold = 0.5;
  explain = true;
  inTab = false;

  /** Whether guided gradients are wanted and to be had. */
  get explains() {
    return this.explain && this.model.explains;
  }

  choose(changes) {
    Object.assign(this, changes);
    if (changes.model) this.threshold = changes.model.min_confidence;
    if (changes.model) this.dispatchEvent(new Event("threshold"));
    this.dispatchEvent(new Event("network"));
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    this.dispatchEvent(new Event("threshold"));
  }
}

export const settings = new Settings();
