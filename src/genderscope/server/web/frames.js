/** A video's frames as small JPEGs. */

const LONGEST_PX = 640; // at 480, five of the six faces of a photograph of 1280 pixels are lost
const encoder = new Worker(new URL("./encoder.js", import.meta.url));

export class Frames {
  #video;

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
    const zoom = Math.min(LONGEST_PX / Math.max(width, height), 1);
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
}
