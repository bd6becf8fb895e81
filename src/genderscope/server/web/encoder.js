/** A worker that encodes pictures as JPEGs: on the main thread, encoding waits until it is idle. */

const QUALITY = 0.85;
const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });

onmessage = async ({ data: { picture, width, height, port } }) => {
  Object.assign(canvas, { width, height });
  context.drawImage(picture, 0, 0, width, height);
  const jpeg = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  port.postMessage({ jpeg, picture }, [picture]);
};
