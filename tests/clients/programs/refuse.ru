# Answers 413, for Puma.
run ->(_) { [413, { "Content-Type" => "text/plain" }, ["too large\n"]] }
