//! The alert-network authors' memory tests of an ESP8266 (`docs/ESP8266_memory_tests.ods` in their
//! repository), row by row: what the program does in each is done to the heap of the model.

use models::host::heap::{Heap, HeapFigures, OutOfMemory};
use models::profile::{Figure, Kind, SoftwareFile};
use mqtt_twin::scenario::assemble::heap_figures;
use mqtt_twin::scenario::error::Place;
use mqtt_twin::scenario::profiles::{Inherited, Library};

/// How a row's cells are known to the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    /// A calibrated number was fitted on one of the cells or on the outcome.
    Fitted,
    /// The row itself is an input: the largest heap with which the firmware runs.
    Given,
    /// Nothing was fitted on it.
    Predicted,
}

struct Row {
    case: &'static str,
    software: &'static str,
    heap_kib: u64,
    /// Free bytes when the program has started, where the profile has those of another row.
    initial: Option<u64>,
    tls: bool,
    /// Payload of the configuration, or of the small message of the reduced program.
    payload: u64,
    /// Measured: initial, before PUB, before SUB, left; `None` where it crashed.
    measured: [Option<u64>; 4],
    usage: Use,
}

const CONFIGURATION: u64 = 2_228;

const fn row(
    case: &'static str,
    software: &'static str,
    heap_kib: u64,
    measured: [Option<u64>; 4],
    usage: Use,
) -> Row {
    Row { case, software, heap_kib, initial: None, tls: true, payload: CONFIGURATION, measured, usage }
}

const fn crash(initial: u64) -> [Option<u64>; 4] {
    [Some(initial), None, None, None]
}

const fn free(initial: u64, before_pub: u64, before_sub: u64, left: u64) -> [Option<u64>; 4] {
    [Some(initial), Some(before_pub), Some(before_sub), Some(left)]
}

fn rows() -> Vec<Row> {
    let source = "micropython-1.9";
    let frozen = "micropython-1.9-frozen";
    vec![
        Row {
            initial: Some(16_816),
            ..row("full, no GC, no optimisation, worst", source, 36, crash(16_816), Use::Predicted)
        },
        Row {
            initial: Some(16_946),
            ..row("full, no GC, no optimisation, best", source, 36, crash(16_946), Use::Predicted)
        },
        Row {
            initial: Some(19_552),
            payload: 16,
            ..row(
                "reduced, small message, GC+opt",
                "micropython-1.9-mpy",
                36,
                free(19_552, 8_272, 8_112, 8_336),
                Use::Predicted,
            )
        },
        row("full, GC+opt, source", source, 36, crash(19_040), Use::Fitted),
        Row {
            initial: Some(18_832),
            tls: false,
            ..row("full, GC+opt, no TLS", source, 36, free(18_832, 14_336, 9_616, 16_288), Use::Fitted)
        },
        row("full, GC+opt, .mpy", "micropython-1.9-mpy", 36, free(18_960, 5_792, 1_072, 7_712), Use::Fitted),
        row(
            "full, custom firmware, .mpy",
            "micropython-1.9-custom-mpy",
            36,
            free(19_456, 6_336, 1_616, 5_008),
            Use::Fitted,
        ),
        row("full, frozen, heap 36 K", frozen, 36, free(25_904, 12_736, 8_016, 11_408), Use::Predicted),
        row("full, frozen, heap 39 K", frozen, 39, free(28_912, 16_336, 11_616, 14_352), Use::Predicted),
        row("full, frozen, heap 40 K", frozen, 40, free(29_936, 17_712, 12_992, 15_440), Use::Predicted),
        row("full, frozen, heap 41 K", frozen, 41, free(30_896, 18_912, 14_192, 16_400), Use::Predicted),
        row("full, frozen, heap 42 K", frozen, 42, [None; 4], Use::Given),
    ]
}

fn place() -> Place {
    Place { file: "test".to_owned(), text: "x".into(), span: 0..1, label: String::new() }
}

fn figures_of(software: &str) -> HeapFigures {
    let mut library = Library::new(crate::root().join("hw-profiles"));
    let software = library.load::<SoftwareFile>(software, place()).unwrap();
    heap_figures(&software.heap.unwrap())
}

/// What the program of a row does, and the free bytes it prints on the way.
fn replay(row: &Row) -> [Option<u64>; 4] {
    let mut figures = figures_of(row.software);
    figures.size = row.heap_kib * 1024;
    let Ok(mut heap) = Heap::start(figures) else { return [None; 4] };
    if let Some(initial) = row.initial {
        // Another program than the profile's: its size is the input.
        let program = heap.free() + heap.held() - initial;
        heap = Heap::start(HeapFigures { program, ..figures }).unwrap();
    }
    let mut printed = [Some(heap.free()), None, None, None];
    let _: Result<(), OutOfMemory> = (|| {
        if row.payload == CONFIGURATION {
            heap.pass_through(figures.built)?;
        }
        heap.hold(figures.session)?;
        if row.tls {
            heap.hold_in_one_piece(figures.tls)?;
        }
        printed[1] = Some(heap.free());
        heap.publish(row.payload)?;
        printed[2] = Some(heap.free());
        heap.hold(figures.subscribed)?;
        heap.collect();
        printed[3] = Some(heap.free());
        Ok(())
    })();
    printed
}

/// Crash or no crash right in every row, free bytes within 10 % of each measured cell.
#[test]
fn the_heap_table_of_the_authors_comes_out() {
    let mut worst: f64 = 0.0;
    println!("| case | cells | initial | before PUB | before SUB | left |");
    for row in rows() {
        let modelled = replay(&row);
        let cells: Vec<String> = modelled
            .iter()
            .zip(&row.measured)
            .map(|(model, measured)| match (model, measured) {
                (Some(model), Some(measured)) => {
                    let off = (*model as f64 - *measured as f64) / *measured as f64;
                    worst = worst.max(off.abs());
                    assert!(off.abs() <= 0.10, "{}: {model} against {measured}", row.case);
                    format!("{measured} / {model} ({:+.1} %)", 100.0 * off)
                }
                (None, None) => "crash / crash".to_owned(),
                (model, measured) => panic!("{}: {model:?} against {measured:?}", row.case),
            })
            .collect();
        println!("| {} | {:?} | {} |", row.case, row.usage, cells.join(" | "));
    }
    println!("worst cell: {:.1} %", 100.0 * worst);
}

/// At most four numbers, each saying on which row; at most half of the rows.
#[test]
fn four_numbers_are_calibrated_on_fewer_than_half_of_the_rows() {
    let mut library = Library::new(crate::root().join("hw-profiles"));
    let mut calibrated = Vec::new();
    for name in library.names::<SoftwareFile>() {
        for Inherited { from, path, figure } in library.inherited::<SoftwareFile>(&name, place()).unwrap() {
            let Figure { kind, fitted_on, .. } = figure;
            if path.starts_with("heap.") && kind == Kind::Calibrated {
                calibrated.push((from, path, fitted_on.unwrap()));
            }
        }
    }
    calibrated.sort();
    calibrated.dedup();
    assert_eq!(calibrated.len(), 4, "{calibrated:#?}");
    let all = rows();
    let fitted = all.iter().filter(|row| row.usage == Use::Fitted).count();
    assert!(2 * fitted <= all.len(), "{fitted} of {}", all.len());
    for (_, path, row) in calibrated {
        assert!(row.contains(", row "), "{path} is fitted on {row}");
    }
}
