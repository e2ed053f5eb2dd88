// A vtable, so that CFI leaves something to regular LTO.

pub trait Shape {
    fn area(&self) -> u32;
}

pub struct Square(pub u32);

impl Shape for Square {
    fn area(&self) -> u32 {
        self.0 * self.0
    }
}

pub mod shapes {
    #[no_mangle]
    pub extern "C" fn square_area(side: u32) -> u32 {
        let shape: Box<dyn super::Shape> = Box::new(super::Square(side));
        shape.area()
    }
}
