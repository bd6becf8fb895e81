/** A video's frames as small JPEGs. */

const LONGEST_PX = 640; // at 480, five of six faces in a 1280-pixel photograph are lost
const encoder = new Worker(new URL("./encoder.js", import.meta.url));

export class Frames {
  #video;

  constructor(video) {
    this.#video = video;
  }

  /**
   * The video's current frame.
   *
   * @returns {Promise<{jpeg: Blob, picture: ImageBitmap, width: number}>} ``width`` is the
   *   video's; so is that of ``picture`` if ``whole``.
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
