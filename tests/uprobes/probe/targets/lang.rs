// SPDX-License-Identifier: GPL-2.0
// lang.rs - a Rust program with arguments of its own kinds; prints what they are.
mod store {
    #[derive(Clone, Copy)]
    pub enum Kind { Small, Large }

    pub struct Item { pub id: i32, pub price: f64, pub kind: Kind, pub name: &'static str, pub flag: bool, pub letter: char }

    impl Item {
        #[inline(never)]
        pub fn total(&self, count: i64, tag: &str, owned: &String) -> f64 {
            let kind = match self.kind { Kind::Small => "Small", Kind::Large => "Large" };
            println!("total id={} price={} kind={} name={:?} flag={} letter={:?} count={} tag={:?} owned={:?}",
                self.id, self.price, kind, self.name, self.flag, self.letter, count, tag, owned);
            self.price * count as f64
        }
    }

    #[inline(never)]
    pub fn add(a: i32, b: i8, v: &Vec<i32>) -> i32 {
        println!("add a={} b={} first={}", a, b, v[0]);
        a + b as i32 + v.len() as i32
    }
}

fn main() {
    let n = std::env::args().count() as i32;
    let it = store::Item { id: 6 + n, price: 2.5, kind: store::Kind::Large, name: "a thing", flag: n == 1, letter: 'é' };
    let small = store::Item { id: n, price: 0.125, kind: store::Kind::Small, name: "", flag: n != 1, letter: 'x' };
    let owned = String::from("owned text");
    let v = vec![n, 2, 3];

    it.total(2 + n as i64, "tag", &owned);
    small.total(-1, &owned[..5], &String::new());
    store::add(n - 5, 4 + n as i8, &v);
}
