/** A video's frames as JPEGs, as small as the time of an answer asks for. */

const SIDES_PX = [640, 480]; // a face of 30 pixels in 1280 still has 11
const [SLOW_MS, FAST_MS] = [200, 80];
const SHARE = 0.1; // of the newest time in the mean
const encoder = new Worker(new URL("./encoder.js", import.meta.url));

export class Frames {
  #video;
  #size = 0;
  #mean_ms = (SLOW_MS + FAST_MS) / 2;

  constructor(video) {
    this.#video = video;
  }

  /**
   * The video's present frame.
   *
   * @returns {Promise<{jpeg: Blob, picture: ImageBitmap, width: number}>} of the ``width`` that the
   *   video has; so has ``picture`` if it is wanted ``whole``.
   */
  async next(whole) {
    const { videoWidth: width, videoHeight: height } = this.#video;
    const zoom = Math.min(SIDES_PX[this.#size] / Math.max(width, height), 1);
    const small = { width: Math.round(width * zoom), height: Math.round(height * zoom) };
    const resized = { resizeWidth: small.width, resizeHeight: small.height };
    const picture = await createImageBitmap(this.#video, whole ? {} : resized);
    const { port1, port2: port } = new MessageChannel();
    return new Promise((resolve) => {
      port1.onmessage = ({ data }) => {
        port1.close();
        resolve({ ...data, width });
      };
      encoder.postMessage({ picture, ...small, port }, [picture, port]);
    });
  }

  /** Choose the size of the next frames by how long an answer took. */
  adapt(time_ms) {
    this.#mean_ms += SHARE * (time_ms - this.#mean_ms);
    const step = Number(this.#mean_ms > SLOW_MS) - Number(this.#mean_ms < FAST_MS);
    const size = Math.min(Math.max(this.#size + step, 0), SIDES_PX.length - 1);
    if (size !== this.#size) this.#mean_ms = (SLOW_MS + FAST_MS) / 2;
    this.#size = size;
  }
}
