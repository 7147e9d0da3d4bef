//! Cells of codes: the keys of large indexes.
//!
//! A **book** is a set of directions in the space of a code's [`canonical`] variates; a code's **cell** is the direction that it points
//! along most. Which one that is rests on what noise turns last: on the variates that stand it best, and among them on those that are
//! large, on the query's side *and* on the index's. A sign takes all values alike. These are cross-polytope hashes (Andoni, Indyk, Laarhoven, Razenshteyn & Schmidt, "Practical and optimal LSH for
//! angular distance", NIPS 2015): the directions of a book are both ways along the axes of some random rotations, each a change of
//! signs and a Hadamard transform. Numbers are whole and small, so every machine finds the same cells.
//!
//! The more codes, the larger the books: half the bits of a key choose the cell in each of two. Of a stored code the index has only the
//! signs; its values are restored from the stored bands ([`Restorer`]), so books of any size can be used whenever an index is written.
//!
//! A query code is looked up in the likeliest pairs of cells. If along a cell its variates reach x standard deviations, the probability that it is the
//! stored code's grows as exp(2.7 x), for speech at 30 % wrong bits.

use std::sync::{LazyLock, Mutex, PoisonError};

use super::{
    StoredCode,
    canonical::{VARIATES, canonical},
    format::StoredBands,
    verify,
};
use crate::{
    fingerprint::{Restorer, SoftCode},
    simd::wide,
};

/// Books.
const BOOKS: usize = 2;
/// Bits of a cell in the smallest book, of one rotation: its axis, which way.
const LEAST_BITS: u32 = VARIATES.ilog2() + 1;
/// Rotations of the largest books.
const MOST_ROTATIONS: usize = 64;
/// Axes in the largest books.
const MOST_AXES: usize = VARIATES * MOST_ROTATIONS;
/// Logarithm of the likelihood of a cell for each standard deviation that the query reaches along it.
const SLOPE: f32 = 2.7;
/// Minus the logarithm of the likelihood of a cell along which the query's variates are 0. What counts are differences; what would lie
/// below 0, beyond 4.4 standard deviations, counts as 0.
const NOTHING: f32 = 12.0;

/// The books that go with keys of some length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Books {
    /// Bits of a cell.
    bits: u32,
}

impl Books {
    /// Those of one rotation.
    pub(super) const SMALLEST: Self = Self { bits: LEAST_BITS };

    /// Those for keys of so many bits.
    pub(super) fn for_key(bits: u32) -> Self {
        Self { bits: (bits / BOOKS as u32).clamp(LEAST_BITS, LEAST_BITS + MOST_ROTATIONS.ilog2()) }
    }

    /// Bits of a pair of cells, one of each book.
    pub(super) const fn pair_bits(self) -> u32 {
        BOOKS as u32 * self.bits
    }

    /// The pair of two cells: the first in the low bits.
    pub(super) fn pair(self, first: u16, second: u16) -> u32 {
        u32::from(first) | u32::from(second) << self.bits
    }

    fn rotations(self) -> usize {
        1 << (self.bits - LEAST_BITS)
    }

    /// The pair of cells of a code with these variates. Of equal directions the first counts, in order of axes, then of rotations.
    pub(super) fn cells(self, variates: &[i8; VARIATES]) -> u32 {
        let mut along = [0; MOST_AXES];
        let along = &mut along[..VARIATES * self.rotations()];
        let [first, second] = std::array::from_fn(|book| {
            turn(variates, book, along);
            let most = largest(along);
            let at = place_of(along, most);
            cell(at, along[at])
        });
        self.pair(first, second)
    }
}

/// Number of the cell at a place among the values along all axes, whose value there says which way.
fn cell(at: usize, value: i16) -> u16 {
    (at << 1 | usize::from(value < 0)) as u16
}

/// The signs, 1 and -1, that each value has before each rotation of each book.
static SIGNS: LazyLock<[[[i16; MOST_ROTATIONS]; VARIATES]; BOOKS]> = LazyLock::new(|| {
    // SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) from 0: a word for each rotation, of which bit d is set where
    // variate d changes its sign.
    let mut state = 0u64;
    let mut word = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    };
    std::array::from_fn(|_| {
        let words: [u64; MOST_ROTATIONS] = std::array::from_fn(|_| word());
        std::array::from_fn(|d| words.map(|w| if w >> d & 1 == 1 { -1 } else { 1 }))
    })
});

wide! {
    /// Variates along the axes of a book's first rotations, as many as there is room for: those of one axis side by side.
    fn turn(variates: &[i8; VARIATES], book: usize, along: &mut [i16]) {
        let rotations = along.len() / VARIATES;
        for ((along, signs), &variate) in along.chunks_exact_mut(rotations).zip(&SIGNS[book]).zip(variates) {
            // Sixteen at a time, which the compiler would not do by itself.
            let ((along, rest), (signs, rest_signs)) = (along.as_chunks_mut::<16>(), signs[..rotations].as_chunks::<16>());
            for (along, signs) in along.iter_mut().zip(signs) {
                *along = signs.map(|sign| sign * i16::from(variate));
            }
            for (along, sign) in rest.iter_mut().zip(rest_signs) {
                *along = sign * i16::from(variate);
            }
        }
        // A Hadamard transform in Sylvester's order, two stages at a time; no sum passes 64 * 127.
        let mut part = rotations;
        while part < along.len() {
            for block in along.chunks_exact_mut(4 * part) {
                let (low, high) = block.split_at_mut(2 * part);
                let ((a, b), (c, d)) = (low.split_at_mut(part), high.split_at_mut(part));
                for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                    let (sum, other) = ([*a + *b, *c + *d], [*a - *b, *c - *d]);
                    (*a, *c) = (sum[0] + sum[1], sum[0] - sum[1]);
                    (*b, *d) = (other[0] + other[1], other[0] - other[1]);
                }
            }
            part *= 4;
        }
    }
}

wide! {
    /// The largest magnitude.
    fn largest(along: &[i16]) -> i16 {
        let mut most = [0i16; 32];
        for along in along.as_chunks::<32>().0 {
            for (most, value) in most.iter_mut().zip(along) {
                *most = (*most).max(value.abs());
            }
        }
        most.into_iter().max().unwrap_or(0)
    }
}

wide! {
    /// The first place of a magnitude.
    fn place_of(along: &[i16], magnitude: i16) -> usize {
        let blocks = along.as_chunks::<16>().0;
        let has = |block: &[i16; 16]| block.map(|value| i16::from(value.abs() == magnitude)) != [0; 16];
        let block = blocks.iter().position(has).unwrap_or(0);
        16 * block + blocks[block].iter().position(|value| value.abs() == magnitude).unwrap_or(0)
    }
}

wide! {
    /// Appends magnitude and number of each cell along which the magnitude is `enough`.
    fn gather(along: &[i16], enough: i16, found: &mut Vec<(u16, u16)>) {
        for (i, block) in along.as_chunks::<16>().0.iter().enumerate() {
            let reach = block.map(|value| i16::from(value.abs() >= enough));
            // Most blocks have nothing.
            if reach != [0; 16] {
                let places = block.iter().enumerate().filter(|(_, value)| value.abs() >= enough);
                found.extend(places.map(|(j, &value)| (value.unsigned_abs(), cell(16 * i + j, value))));
            }
        }
    }
}

/// Cells in which a query code may be found, with minus the logarithm of their likelihood in steps; ascending in each book.
#[derive(Debug, Default)]
pub(super) struct Likely {
    pub(super) books: [Vec<(u16, u16)>; BOOKS],
    /// Scratch: the variates along each book's axes.
    along: [Vec<i16>; BOOKS],
}

impl Likely {
    /// Allocates what looking can need.
    pub(super) fn reserve(&mut self) {
        self.books.iter_mut().for_each(|book| book.reserve(MOST_AXES));
        self.along.iter_mut().for_each(|along| along.reserve(MOST_AXES));
        LazyLock::force(&SIGNS);
    }

    /// Finds the cells of a query code that can be part of a pair of cost `limit` at most; `step`: steps in a nat.
    pub(super) fn find(&mut self, query: &SoftCode, books: Books, limit: u16, step: f32) {
        self.books.iter_mut().for_each(Vec::clear);
        let variates = canonical().of_query(query.values());
        let power: i32 = variates.iter().map(|&v| i32::from(v).pow(2)).sum();
        if power == 0 {
            return;
        }
        let mut most = [0; BOOKS];
        for (book, (along, most)) in self.along.iter_mut().zip(&mut most).enumerate() {
            along.resize(VARIATES * books.rotations(), 0);
            turn(&variates, book, along);
            *most = largest(along);
        }
        let slope = SLOPE * step / (power as f32).sqrt();
        let cost = |magnitude: f32| (NOTHING * step - slope * magnitude + 0.5).max(0.0) as u16;
        for (book, (along, likely)) in self.along.iter().zip(&mut self.books).enumerate() {
            // With the likeliest of the other book.
            let left = f32::from(limit) - f32::from(cost(f32::from(most[1 - book])));
            let enough = ((NOTHING * step - left) / slope).clamp(1.0, f32::from(i16::MAX)) as i16;
            gather(along, enough, likely);
            likely.iter_mut().for_each(|(magnitude, _)| *magnitude = cost(f32::from(*magnitude)));
            likely.sort_unstable();
        }
    }
}

/// A rendering whose cells are wanted, and where to.
pub(super) struct Wanted<'a> {
    pub(super) codes: &'a [StoredCode],
    pub(super) levels: &'a [u8],
    pub(super) bands: &'a [StoredBands],
    /// As many as there are codes.
    pub(super) cells: &'a mut [u32],
}

/// Finds the pair of cells of each code, 0 for those of level 0, by all processors.
pub(super) fn find_cells(books: Books, wanted: Vec<Wanted<'_>>) {
    // Renderings differ in length, so each thread takes the next of a list; where its cells go to is known.
    let wanted = Mutex::new(wanted.into_iter());
    let find = || {
        let mut restorer = Restorer::new();
        let next = || wanted.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(Wanted { codes, levels, bands, cells }) = next() {
            restorer.begin(bands.iter().map(verify::steps));
            for (number, ((code, &level), cell)) in codes.iter().zip(levels).zip(cells).enumerate() {
                *cell = if level > 0 {
                    books.cells(&canonical().of_stored(&restorer.values(number, code.get())))
                } else {
                    0
                };
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(find);
        }
        find();
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed helper fails the test")]

    use super::*;
    use crate::audio::read_channels_8k;
    use crate::fingerprint::Extractor;
    use crate::index::{
        Index, IndexBuilder, Label, Search, Tables, find_candidates,
        hamming::tests::Random,
        keys::{Keying, tests::soft},
    };

    fn variates(random: &mut Random) -> [i8; VARIATES] {
        std::array::from_fn(|_| (random.next() % 255) as u8 as i8)
    }

    /// Books of every size.
    fn sizes() -> impl Iterator<Item = Books> {
        [LEAST_BITS, LEAST_BITS + 1, LEAST_BITS + 4, LEAST_BITS + 6].into_iter().map(|bits| Books::for_key(2 * bits))
    }

    /// The cells of a pair.
    fn split(books: Books, pair: u32) -> [u32; BOOKS] {
        [pair & ((1 << books.bits) - 1), pair >> books.bits]
    }

    /// Component `d` of a direction, from the definition: signs, then a row of the Hadamard matrix, whose element (i, j) is
    /// negative where i & j has an odd number of bits.
    fn direction(books: Books, book: usize, cell: u32, d: usize) -> i32 {
        let (place, back) = ((cell >> 1) as usize, cell & 1 == 1);
        let (axis, rotation) = (place / books.rotations(), place % books.rotations());
        let odd = (d & axis).count_ones() % 2 == 1;
        let sign = i32::from(SIGNS[book][d][rotation]);
        if odd == back { sign } else { -sign }
    }

    fn plainly(books: Books, variates: &[i8; VARIATES], book: usize) -> Vec<i32> {
        let along = |cell| (0..VARIATES).map(|d| direction(books, book, cell, d) * i32::from(variates[d])).sum();
        (0..1 << books.bits).map(along).collect()
    }

    #[test]
    fn a_cell_is_the_direction_that_values_point_along_most() {
        let mut random = Random(3);
        let extremes =
            [[127; VARIATES], [-127; VARIATES], [0; VARIATES], std::array::from_fn(|d| if d == 5 { 1 } else { 0 })];
        for variates in (0..30).map(|_| variates(&mut random)).chain(extremes) {
            for books in sizes() {
                for (book, cell) in split(books, books.cells(&variates)).into_iter().enumerate() {
                    let along = plainly(books, &variates, book);
                    assert_eq!(Some(&along[cell as usize]), along.iter().max());
                }
            }
        }
    }

    #[test]
    fn whoever_points_along_a_direction_is_in_its_cell() {
        for (books, book) in sizes().flat_map(|books| (0..BOOKS).map(move |book| (books, book))) {
            for cell in 0..1 << books.bits {
                let variates = std::array::from_fn(|d| 100 * direction(books, book, cell, d) as i8);
                assert_eq!(split(books, books.cells(&variates))[book], cell);
            }
        }
    }

    #[test]
    fn every_pair_that_is_cheap_enough_is_found() {
        let (mut random, mut likely) = (Random(4), Likely::default());
        likely.reserve();
        let room = likely.books.each_ref().map(Vec::capacity);
        for (books, limit) in sizes().flat_map(|books| [60, 90, 140, u16::MAX / 2].map(|limit| (books, limit))) {
            let values: [i8; 128] = std::array::from_fn(|_| (random.next() % 255) as u8 as i8);
            let query = soft(|d| values[d]);
            likely.find(&query, books, limit, 16.0);
            let variates = canonical().of_query(query.values());
            let spread = variates.iter().map(|&v| f32::from(v).powi(2)).sum::<f32>().sqrt();
            let costs = [0, 1].map(|book| -> Vec<f32> {
                let cost = |along: i32| (16.0 * (NOTHING - SLOPE * along.max(0) as f32 / spread)).max(0.0);
                plainly(books, &variates, book).into_iter().map(cost).collect()
            });
            // Costs are rounded, and half of the directions are the others' opposites.
            let mut cheapest = costs[1].clone();
            cheapest.sort_by(f32::total_cmp);
            for (cell, cost) in costs[0].iter().enumerate().filter(|(_, cost)| **cost < 16.0 * NOTHING) {
                let there = likely.books[0].iter().any(|&(_, known)| usize::from(known) == cell);
                let total = cost + cheapest[0];
                assert!(there || total > f32::from(limit) - 1.5, "{cell}: {total} of {limit}");
                assert!(!there || total < f32::from(limit) + 2.5, "{cell}: {total} of {limit}");
            }
            assert!(likely.books.iter().all(|book| book.is_sorted()));
        }
        assert_eq!(likely.books.each_ref().map(Vec::capacity), room);
    }

    fn fixture(version: u32) -> Index {
        Index::open(format!("{}/tests/data/index-v{version}.cpi", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// Made from the same codes on any machine and with any number of threads.
    #[test]
    fn the_tables_of_a_known_file_are_as_they_were() {
        let mut builder = IndexBuilder::from_index(&fixture(4));
        builder.set_tables(Tables::Always);
        builder.set_keying(Keying::Cells);
        let bytes = builder.to_bytes().unwrap();
        if std::env::var_os("CALLPRINT_UPDATE_FIXTURE").is_some() {
            std::fs::write(fixture(4).path().with_file_name("index-v5.cpi"), &bytes).unwrap();
        }
        let known = fixture(5);
        known.verify().unwrap();
        assert_eq!(std::fs::read(known.path()).unwrap(), bytes);
    }

    #[test]
    fn an_index_merged_of_others_is_the_one_built_at_once() {
        let build = |names: &[&str]| {
            let mut builder = IndexBuilder::from_index(&fixture(4));
            builder.set_tables(Tables::Always);
            builder.set_keying(Keying::Cells);
            names.iter().for_each(|name| assert_eq!(builder.remove(name).unwrap(), 1));
            builder
        };
        let [one, other] = ["dental-01", "warranty-01"]
            .map(|removed| Index::from_bytes(build(&[removed]).to_bytes().unwrap()).unwrap());
        let mut merged = build(&["dental-01", "warranty-01"]);
        merged.merge(&one).unwrap();
        merged.merge(&other).unwrap();
        assert_eq!(merged.to_bytes().unwrap(), build(&[]).to_bytes().unwrap());
        let index = Index::from_bytes(merged.to_bytes().unwrap()).unwrap();
        assert_eq!(index.filed_cells(), index.cells(&index.postings().unwrap()), "the tables tell what is restored");
    }

    #[test]
    fn an_entry_in_another_cell_is_damage() {
        let mut builder = IndexBuilder::from_index(&fixture(5));
        builder.set_tables(Tables::Always);
        builder.set_keying(Keying::Cells);
        let index = Index::from_bytes(builder.to_bytes().unwrap()).unwrap();
        let tables = index.postings().unwrap();
        assert_eq!((tables.keying, tables.key_bits), (Keying::Cells, 14));
        let mut cells = index.cells(&tables);
        tables.check(index.codes(), index.levels(), &cells).unwrap();
        let first = (0..cells.len()).find(|&at| index.levels()[at] > 0).unwrap();
        cells[first] ^= 1;
        let error = tables.check(index.codes(), index.levels(), &cells).unwrap_err();
        assert!(error.contains("do not fit"), "{error}");
    }

    /// Clips of 2 s in white noise 3 dB softer than they are, looked up in the index of 24 renderings that they were cut from.
    #[test]
    fn most_of_what_comparing_finds_in_noise_is_found_by_cells() {
        let folder = format!("{}/../corpus/renderings", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let mut builder = IndexBuilder::new();
        let mut clips = Vec::new();
        for file in files.iter().step_by(files.len() / 24).take(24) {
            let samples = read_channels_8k(file, 60.0).unwrap().remove(0);
            let id = file.file_stem().unwrap().to_str().unwrap().to_owned();
            clips.push((id.clone(), samples[8000..24_000].to_vec()));
            builder.add(Label { id, ..Label::default() }, &samples).unwrap();
        }
        let [by_all, by_cells] = [Tables::Never, Tables::Always].map(|tables| {
            builder.set_tables(tables);
            builder.set_keying(Keying::Cells);
            Index::from_bytes(builder.to_bytes().unwrap()).unwrap()
        });
        by_cells.verify().unwrap();
        let found = |index: &Index| {
            let mut random = Random(5);
            let mut found = 0;
            for (id, clip) in &clips {
                let power = clip.iter().map(|x| x * x).sum::<f32>() / clip.len() as f32;
                // Even in ±1, of power 1/3.
                let mut noise = || (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0;
                let noisy: Vec<f32> = clip.iter().map(|x| 0.5 * (x + (1.5 * power).sqrt() * noise())).collect();
                let (mut search, mut hits) = (Search::new(), Vec::new());
                Extractor::new().push(&noisy, |_| (), |code| search.find_hits(index, &code, &mut hits));
                found +=
                    usize::from(find_candidates(&mut hits, 4).iter().any(|c| index.rendering(c.rendering).id == *id));
            }
            found
        };
        let (all, cells) = (found(&by_all), found(&by_cells));
        assert!(all >= 22, "comparing finds {all} of 24");
        // There are few codes for keys of 14 bits, so some find none.
        assert!(cells >= all - 3, "cells find {cells}, comparing {all}");
    }
}
