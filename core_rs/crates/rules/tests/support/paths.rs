//! Sets a field of the test declaration by its path, so that cases can be data.

use descargo_model::pb;

/// Sets one field. `none` removes a message or an optional field.
pub fn set(declaration: &mut pb::Declaration, path: &str, value: &str) {
    let text = value.to_owned();
    match path.split_once("lines[0].") {
        Some(("", path)) => set_line(&mut declaration.lines[0], path, value),
        _ => match path {
            "declaration_number" => declaration.declaration_number = text,
            "declaration_key" => declaration.declaration_key = text,
            "operation" => declaration.operation = value.parse().unwrap(),
            "regime" => declaration.regime = text,
            "trader.rfc" => declaration.trader.as_mut().unwrap().rfc = text,
            "trader.curp" => declaration.trader.as_mut().unwrap().curp = text,
            "clearance_office" => declaration.clearance_office = text,
            "entry_exit_office" => declaration.entry_exit_office = text,
            "paid_on" => declaration.paid_on = text,
            other => panic!("path {other}"),
        },
    }
}

fn set_line(line: &mut pb::DeclarationLine, path: &str, value: &str) {
    let text = value.to_owned();
    let tariff = line.tariff_code.as_mut().unwrap();
    match path {
        "line_no" => line.line_no = value.parse().unwrap(),
        "tariff_code.code" => tariff.code = text,
        "tariff_code.nico" => tariff.nico = text,
        "country_origin_destination" => line.country_origin_destination = text,
        "country_seller_buyer" => line.country_seller_buyer = text,
        "umc" => line.umc = None,
        "umc.quantity" => line.umc.as_mut().unwrap().quantity = text,
        "umc.unit" => line.umc.as_mut().unwrap().unit = value.parse().unwrap(),
        "umt.quantity" => line.umt.as_mut().unwrap().quantity = text,
        "umt.unit" => line.umt.as_mut().unwrap().unit = value.parse().unwrap(),
        "value_usd" => line.value_usd = text,
        other => set_draw(&mut line.draws[0], other.strip_prefix("draws[0].").unwrap(), value),
    }
}

fn set_draw(draw: &mut pb::Draw, path: &str, value: &str) {
    let text = value.to_owned();
    let optional = (value != "none").then(|| text.clone());
    match path {
        "license" => draw.license = None,
        "license.permit_key" => draw.license.as_mut().unwrap().permit_key = text,
        "license.permit_number" => draw.license.as_mut().unwrap().permit_number = text,
        "discharge_signature" => draw.discharge_signature = text,
        "amount.quantity" => draw.amount.as_mut().unwrap().quantity = optional,
        "amount.value_usd" => draw.amount.as_mut().unwrap().value_usd = optional,
        other => panic!("path draws[0].{other}"),
    }
}
