/**
 * Tracks faces across frames by overlap: a simpler version of ``video/tracking.py``, without its
 * motion model. A track's scores are the mean log-odds of its frames.
 */

import { MAX_AGE_MS, MAX_SCORE, MIN_HITS, MIN_IOU, PADDING } from "./constants.js";

export class Tracks {
  #tracks = [];
  #last = 0;
  /** Confirmed tracks by number: {track, scores, frames, first_s, last_s}. */
  counted = new Map();

  /** Match a frame's faces to tracks; returns the faces with their tracks' numbers and scores. */
  update(faces, time_ms) {
    this.#tracks = this.#tracks.filter((track) => time_ms - track.last_ms <= MAX_AGE_MS);
    const pairs = faces
      .flatMap((face) => this.#tracks.map((track) => ({ face, track, shared: overlap(face, track) })))
      .filter(({ shared }) => shared >= MIN_IOU)
      .sort((one, other) => other.shared - one.shared);
    const partner = new Map();
    const taken = new Set();
    for (const { face, track } of pairs) {
      if (partner.has(face) || taken.has(track)) continue;
      partner.set(face, track);
      taken.add(track);
    }
    return faces.map((face) => this.#see(face, partner.get(face) ?? this.#begin(time_ms), time_ms));
  }

  #begin(time_ms) {
    this.#last += 1;
    const track = { number: this.#last, frames: 0, odds: 0, first_ms: time_ms };
    this.#tracks.push(track);
    return track;
  }

  #see(face, track, time_ms) {
    const man = Math.min(Math.max(face.scores.man, 1 - MAX_SCORE), MAX_SCORE);
    track.frames += 1;
    track.odds += (Math.log(man / (1 - man)) - track.odds) / track.frames;
    Object.assign(track, { box: face.box, last_ms: time_ms });
    const mean = 1 / (1 + Math.exp(-track.odds));
    const scores = { woman: 1 - mean, man: mean };
    if (track.frames >= MIN_HITS) {
      const [first_s, last_s] = [track.first_ms / 1000, time_ms / 1000];
      const values = { track: track.number, scores, frames: track.frames, first_s, last_s };
      this.counted.set(track.number, values);
    }
    return { ...face, scores, track: track.number };
  }
}

/** Intersection over union of two padded boxes. */
function overlap({ box: one }, { box: other }) {
  const across = shared(one.x, one.width, other.x, other.width);
  const down = shared(one.y, one.height, other.y, other.height);
  const area = ({ width, height }) => width * height * (1 + 2 * PADDING) ** 2;
  return (across * down) / (area(one) + area(other) - across * down);
}

function shared(start, length, otherStart, otherLength) {
  const first = Math.max(start - PADDING * length, otherStart - PADDING * otherLength);
  const last = Math.min(start + (1 + PADDING) * length, otherStart + (1 + PADDING) * otherLength);
  return Math.max(last - first, 0);
}
