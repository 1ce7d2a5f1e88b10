"""What must hold of the rotation of assets and flows before it is published."""

from marketflows_pipeline.checks import rotation

POINTS, LOG = "mart.cross_asset_rotation", "mart.cross_asset_rotation_log"
PLACEBO = "mart.cross_asset_rotation_placebo"

points_stand_in_their_quadrants = rotation.points_check(POINTS)
stays_cover_the_points = rotation.log_check(LOG, POINTS)
bands_are_bands = rotation.placebo_check(PLACEBO)
