// Modules become codegen units; exported functions keep them alive in every crate type.

pub mod sums {
    #[inline(never)]
    #[no_mangle]
    pub extern "C" fn sums_total(count: u32) -> u32 {
        super::ranges::up_to(count).iter().sum()
    }
}

pub mod ranges {
    #[inline(never)]
    pub fn up_to(count: u32) -> Vec<u32> {
        (0..count).collect()
    }

    #[no_mangle]
    pub extern "C" fn ranges_last(count: u32) -> u32 {
        up_to(count).last().copied().unwrap_or(0)
    }
}

pub trait Shape {
    fn area(&self) -> u32;
}

pub struct Square(pub u32);

impl Shape for Square {
    fn area(&self) -> u32 {
        self.0 * self.0
    }
}

#[no_mangle]
pub extern "C" fn square_area(side: u32) -> u32 {
    let shape: Box<dyn Shape> = Box::new(Square(side));
    shape.area()
}
