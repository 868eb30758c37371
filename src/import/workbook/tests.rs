//! Workbooks as the tests write them, and the text they become.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Seek as _};

use zip::write::SimpleFileOptions;

use super::*;

/// A ZIP archive of these files; a name that ends in `/` is a folder.
pub(in crate::import) fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        if name.ends_with('/') {
            writer.add_directory(*name, SimpleFileOptions::default()).unwrap();
        } else {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook whose sheets have these rows; `s="1"` is a day, `s="2"` an amount in euros.
pub(in crate::import) fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    workbook_with("", sheets)
}

/// The same with properties of the workbook, such as the day that it counts from.
pub(in crate::import) fn workbook_with(properties: &str, sheets: &[(&str, &str)]) -> Vec<u8> {
    const NS: &str = "http://schemas.openxmlformats.org";
    let (mut listed, mut related) = (String::new(), String::new());
    for (at, (name, _)) in (1..).zip(sheets) {
        write!(listed, "<sheet name=\"{name}\" sheetId=\"{at}\" r:id=\"rId{at}\"/>").unwrap();
        write!(
            related,
            "<Relationship Id=\"rId{at}\" Type=\"{NS}/officeDocument/2006/relationships/worksheet\" \
             Target=\"worksheets/sheet{at}.xml\"/>"
        )
        .unwrap();
    }
    let book = format!(
        "<?xml version=\"1.0\"?><workbook xmlns=\"{NS}/spreadsheetml/2006/main\" \
         xmlns:r=\"{NS}/officeDocument/2006/relationships\">{properties}<sheets>{listed}</sheets></workbook>"
    );
    let relations = format!(
        "<?xml version=\"1.0\"?><Relationships xmlns=\"{NS}/package/2006/relationships\">{related}</Relationships>"
    );
    let styles = format!(
        "<?xml version=\"1.0\"?><styleSheet xmlns=\"{NS}/spreadsheetml/2006/main\">\
         <numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"#,##0.00\\ [$€-407]\"/></numFmts>\
         <fonts count=\"1\"><font/></fonts><fills count=\"1\"><fill/></fills><borders count=\"1\"><border/></borders>\
         <cellStyleXfs count=\"1\"><xf/></cellStyleXfs>\
         <cellXfs count=\"3\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\" applyNumberFormat=\"1\"/><xf numFmtId=\"164\" applyNumberFormat=\"1\"/></cellXfs>\
         </styleSheet>"
    );
    let root = format!(
        "<?xml version=\"1.0\"?><Relationships xmlns=\"{NS}/package/2006/relationships\"><Relationship Id=\"rId1\" \
         Type=\"{NS}/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let mut files = vec![
        ("_rels/.rels".to_owned(), root),
        ("xl/workbook.xml".to_owned(), book),
        ("xl/_rels/workbook.xml.rels".to_owned(), relations),
        ("xl/styles.xml".to_owned(), styles),
    ];
    for (at, (_, rows)) in (1..).zip(sheets) {
        let sheet = format!(
            "<?xml version=\"1.0\"?><worksheet xmlns=\"{NS}/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
        );
        files.push((format!("xl/worksheets/sheet{at}.xml"), sheet));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    zipped(&files)
}

/// A row of cells, each with its style and value; a value that isn't a number is text.
pub(in crate::import) fn row(number: u32, cells: &[(u32, &str)]) -> String {
    let cell = |(at, (style, value)): (u8, &(u32, &str))| {
        let place = format!("{}{number}", char::from(b'A' + at));
        if value.is_empty() {
            String::new()
        } else if value.parse::<f64>().is_ok() {
            format!("<c r=\"{place}\" s=\"{style}\"><v>{value}</v></c>")
        } else {
            format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{value}</t></is></c>")
        }
    };
    format!("<row r=\"{number}\">{}</row>", (0..).zip(cells).map(cell).collect::<String>())
}

fn read(bytes: &[u8], sheet: Option<&str>) -> Result<(Vec<String>, String, String), String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let mut out = tempfile::tempfile().unwrap();
    let Written { sheets, sheet, .. } = write_csv(file, sheet, &mut out).map_err(|error| error.to_string())?;
    out.rewind().unwrap();
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    Ok((sheets, sheet, text))
}

fn report() -> Vec<u8> {
    let rows = [
        row(1, &[(0, "Report")]),
        row(3, &[(0, "Day"), (0, "Campaign"), (0, "Clicks"), (0, "Cost")]),
        row(4, &[(1, "45139"), (0, "A, \"B\""), (0, "10"), (2, "12.300000000000001")]),
        row(5, &[(1, "45169.5"), (0, "Line\nbreak"), (0, "20"), (0, "1.234")]),
    ];
    workbook(&[("Notes", &row(1, &[(0, "Nothing here")])), ("Data", &rows.concat())])
}

#[test]
fn the_first_sheet_with_a_table_is_written_row_by_row() {
    let (sheets, sheet, text) = read(&report(), None).unwrap();
    assert_eq!((sheets, sheet.as_str()), (vec!["Notes".to_owned(), "Data".to_owned()], "Data"));
    assert_eq!(
        text,
        "Report\n \nDay,Campaign,Clicks,Cost\n2023-08-01,\"A, \"\"B\"\"\",10,€ 12.3\n2023-08-31 12:00:00,Line break,20,1.2340\n"
    );
}

#[test]
fn a_sheet_can_be_chosen() {
    assert_eq!(read(&report(), Some("notes")).unwrap().2, "Nothing here\n");
    let error = read(&report(), Some("Else")).unwrap_err();
    assert_eq!(error, "the workbook has no sheet \"Else\"; it has \"Notes\", \"Data\"");
    for (rows, sheet, words) in [
        ("", None, "all sheets of the workbook are empty; it has \"Data\""),
        ("", Some("data"), "the sheet \"Data\" is empty; the workbook has \"Data\""),
        (
            row(1, &[(0, "Day"), (0, "Cost"), (0, "Clicks")]).as_str(),
            None,
            "no sheet of the workbook contains a table, which is a header and rows below it; it has \"Data\"",
        ),
    ] {
        assert_eq!(read(&workbook(&[("Data", rows)]), sheet).unwrap_err(), words);
    }
    assert!(read(&zipped(&[("xl/workbook.xml", b"<x")]), None).unwrap_err().contains("can't be read"));
}

#[test]
fn a_list_of_settings_is_no_table_where_another_sheet_has_one() {
    let settings = [row(1, &[(0, "Account"), (0, "Acme")]), row(2, &[(0, "From"), (0, "2023-08-01")])].concat();
    let data =
        [row(1, &[(0, "Day"), (0, "Clicks"), (0, "Cost")]), row(2, &[(1, "45139"), (0, "1"), (0, "2")])].concat();
    assert_eq!(read(&workbook(&[("Settings", &settings), ("Data", &data)]), None).unwrap().1, "Data");
    assert_eq!(read(&workbook(&[("Settings", &settings), ("Empty", "")]), None).unwrap().1, "Settings");
}

#[test]
fn a_formula_without_a_value_is_no_empty_cell() {
    let rows = "<row r=\"1\"><c r=\"A1\"><v>1</v></c><c r=\"B1\"><f>A1*2</f></c><c r=\"C1\"><v>1</v></c></row>"
        .to_owned()
        + &row(2, &[(0, "1"), (0, "2"), (0, "3")]);
    let (_, _, text) = read(&workbook(&[("Data", &rows)]), None).unwrap();
    assert!(text.starts_with("1,(formula without a value: open"), "{text}");
}

#[test]
fn numbers_have_the_digits_that_excel_keeps() {
    for (number, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        ("12.300000000000001".parse().unwrap(), "12.3"),
        ("0.30000000000000004".parse().unwrap(), "0.3"),
        (-1.5, "-1.5"),
        (123_456_789_012_345.0, "123456789012345"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (1234.5, "1234.5"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(fifteen_digits(number), text);
    }
}

#[test]
fn a_number_format_names_its_currency() {
    for (format, mark) in [
        ("#,##0.00\\ [$€-407]", Some("€")),
        ("[$USD] #,##0.00", Some("USD")),
        ("\"zł\" 0.00;-0.00", Some("zł")),
        ("$#,##0.00", Some("$")),
        ("#,##0.00 \"clicks\"", None),
        ("General", None),
        ("[$-409]d-mmm-yy", None),
    ] {
        assert_eq!(currency_of(format).as_deref(), mark, "{format}");
    }
}

#[test]
fn a_workbook_says_that_it_counts_days_from_1904() {
    let book = |properties: &str| {
        let list = format!("<workbook>{properties}<sheets><sheet name=\"A\" r:id=\"r1\"/></sheets></workbook>");
        let relations = "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/a.xml\"/></Relationships>";
        let sheet = "<worksheet><sheetData></sheetData></worksheet>";
        let mut file = tempfile::tempfile().unwrap();
        let bytes = zipped(&[
            ("xl/workbook.xml", list.as_bytes()),
            ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
            ("xl/worksheets/a.xml", sheet.as_bytes()),
        ]);
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        SheetXml::read(&mut file, 0).unwrap().from_1904
    };
    assert!(book("<workbookPr date1904=\"1\"/>") && book("<workbookPr date1904=\"true\"/>"));
    assert!(!book("<workbookPr date1904=\"0\"/>") && !book("<workbookPr/>"));
}

#[test]
fn a_workbook_whose_texts_do_not_fit_into_memory_is_refused() {
    let most = usize::try_from(size::TEXT_BYTES).unwrap();
    let large = vec![b' '; most + 1];
    for part in ["xl/sharedStrings.xml", "xl/styles.xml"] {
        let words = |size: usize| read(&zipped(&[(part, &large[..size])]), None).unwrap_err();
        assert!(words(most + 1).contains("unpacks to more than 10 MiB, expected at most that"), "{}", words(most + 1));
        assert!(!words(most).contains("unpacks"), "{}", words(most));
    }
}

#[test]
fn hidden_rows_are_those_of_the_sheet_that_is_read() {
    let rows = [2, 3].map(|hidden: u32| {
        let rows: String = (1..=3).map(|number| row(number, &[(0, "Day"), (0, "Cost")])).collect();
        rows.replace(&format!("<row r=\"{hidden}\""), &format!("<row r=\"{hidden}\" hidden=\"1\""))
    });
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&workbook(&[("May", &rows[0]), ("June", &rows[1])])).unwrap();
    let hidden = |place, file: &mut File| String::from(SheetXml::read(file, place).unwrap().hidden_rows);
    assert_eq!([hidden(0, &mut file), hidden(1, &mut file)], ["2", "3"]);
}
