// Four modules, so four codegen units; exported, so that a cdylib has them too.

macro_rules! module {
    ($name:ident) => {
        mod $name {
            #[no_mangle]
            pub extern "C" fn $name(count: u32) -> u32 {
                (0..count).map(|index| index.to_string()).collect::<String>().len() as u32
            }
        }
    };
}

module!(one);
module!(two);
module!(three);
module!(four);
