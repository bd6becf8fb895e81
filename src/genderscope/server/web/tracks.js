/**
 * Faces of successive frames as tracks, by their places alone: a face goes on as the track that it
 * overlaps most. Scores first, labels last: a track's scores are the mean log-odds of its frames.
 *
 * ``genderscope watch`` follows faces through crossings as well; this is the simple half of it.
 * Knows nothing of the page.
 */

const MEMORY_MS = 1000;
const SEEN_TO_COUNT = 3;
// As in tracking.py: boxes are compared with a rim of half their size, since a face that moves need
// not overlap itself, and no single frame counts for more than such a score.
const RIM = 0.5;
const SMALLEST_OVERLAP = 0.15;
const SUREST_SCORE = 0.999;

export class Tracks {
  #tracks = [];
  #last = 0;
  /** Those that were seen often enough: {track, scores, frames, first_s, last_s}. */
  counted = new Map();

  /** Take a frame's faces; each is given its track's number, and the track's scores. */
  update(faces, time_ms) {
    this.#tracks = this.#tracks.filter((track) => time_ms - track.last_ms <= MEMORY_MS);
    const pairs = faces
      .flatMap((face) => this.#tracks.map((track) => ({ face, track, shared: overlap(face, track) })))
      .filter(({ shared }) => shared >= SMALLEST_OVERLAP)
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
    const man = Math.min(Math.max(face.scores.man, 1 - SUREST_SCORE), SUREST_SCORE);
    track.frames += 1;
    track.odds += (Math.log(man / (1 - man)) - track.odds) / track.frames;
    Object.assign(track, { box: face.box, last_ms: time_ms });
    const mean = 1 / (1 + Math.exp(-track.odds));
    const scores = { woman: 1 - mean, man: mean };
    if (track.frames >= SEEN_TO_COUNT) {
      const [first_s, last_s] = [track.first_ms / 1000, time_ms / 1000];
      const values = { track: track.number, scores, frames: track.frames, first_s, last_s };
      this.counted.set(track.number, values);
    }
    return { ...face, scores, track: track.number };
  }
}

/** Intersection over union of two boxes with their rims. */
function overlap({ box: one }, { box: other }) {
  const across = shared(one.x, one.width, other.x, other.width);
  const down = shared(one.y, one.height, other.y, other.height);
  const area = ({ width, height }) => width * height * (1 + 2 * RIM) ** 2;
  return (across * down) / (area(one) + area(other) - across * down);
}

function shared(start, length, otherStart, otherLength) {
  const first = Math.max(start - RIM * length, otherStart - RIM * otherLength);
  const last = Math.min(start + (1 + RIM) * length, otherStart + (1 + RIM) * otherLength);
  return Math.max(last - first, 0);
}
