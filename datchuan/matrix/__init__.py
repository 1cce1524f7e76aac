"""The coverage matrix of a dispatch: every chỉ tiêu by sector and administrative unit, who leads, and its pages."""
