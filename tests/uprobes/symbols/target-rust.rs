// SPDX-License-Identifier: GPL-2.0
// target-rust.rs - Rust names.
use std::hint::black_box;

mod shapes {
    pub struct Square(pub u64);
    pub trait Area {
        fn area(&self) -> u64;
    }
    impl Area for Square {
        #[inline(never)]
        fn area(&self) -> u64 {
            std::hint::black_box(self.0) * self.0
        }
    }
    #[inline(never)]
    pub fn twice(x: u64) -> u64 {
        std::hint::black_box(x) * 2
    }
    #[inline(never)]
    pub fn generic<T: Into<u64>>(x: T) -> u64 {
        std::hint::black_box(x.into()) + 1
    }
}

fn main() {
    use shapes::Area;
    let sum = shapes::twice(black_box(1)) + shapes::Square(3).area() + shapes::generic(7u32) + shapes::generic(7u8);
    std::process::exit((sum == 42) as i32);
}
