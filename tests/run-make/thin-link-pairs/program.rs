mod library;

fn main() {
    println!("{} {}", library::sums::sums_total(5), library::square_area(3));
}
