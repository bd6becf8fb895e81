/** The user's settings: dispatches "threshold" if only labels change, otherwise "network". */

class Settings extends EventTarget {
  /** One of the models from GET /v1/models. */
  model = null;
  threshold = 0.5;
  explain = true;
  inTab = false;

  /** Whether to show guided gradients: chosen, and supported by the model. */
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
