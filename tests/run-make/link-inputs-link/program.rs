use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::{asm, global_asm};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local!(static LOCAL: Cell<i32> = const { Cell::new(1) });

// Found by name in the program's symbols.
#[used]
static KEPT: [u8; 5] = *b"kept!";

extern "C" fn before_main() {
    INITIALIZED.store(7, Ordering::Relaxed);
}

static INITIALIZED: AtomicUsize = AtomicUsize::new(0);

#[used]
#[link_section = ".init_array"]
static BEFORE_MAIN: extern "C" fn() = before_main;

global_asm!(".globl forty_two", "forty_two:", "mov eax, 42", "ret");

extern "C" {
    fn forty_two() -> i32;
}

mod other {
    pub fn incremented(value: u64) -> u64 {
        let mut value = value;
        unsafe { std::arch::asm!("inc {}", inout(reg) value) };
        value
    }
}

fn main() {
    let mut copied: u64;
    unsafe { asm!("mov {}, {}", out(reg) copied, in(reg) 5u64) };
    copied = other::incremented(copied);
    let threads: Vec<_> = (0..3)
        .map(|at| std::thread::spawn(move || LOCAL.with(|local| local.replace(at) + at)))
        .collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let counted = ALLOCATIONS.load(Ordering::Relaxed) > 0;
    let initialized = INITIALIZED.load(Ordering::Relaxed);
    println!("{} {} {copied} {sum} {counted} {initialized}", native::sixfold(4), unsafe {
        forty_two()
    });
    let caught =
        std::panic::catch_unwind(|| std::process::exit(exit_code(std::env::args().count())));
    println!("caught {}", caught.is_err());
}

fn exit_code(arguments: usize) -> i32 {
    match arguments {
        1 => 3,
        _ => panic!("{} {arguments}", KEPT.len()),
    }
}
