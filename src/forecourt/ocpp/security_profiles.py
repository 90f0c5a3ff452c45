"""What both sides say of the security profiles (white paper A00)."""

PROFILE_1_WARNING = (
    "Security profile 1 sends the password readable: it is for trusted networks only, such as a VPN (white paper A00)."
)
