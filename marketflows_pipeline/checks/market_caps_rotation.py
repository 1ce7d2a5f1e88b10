"""What must hold of the rotation of narratives before it is published."""

from marketflows_pipeline.checks import rotation

POINTS, LOG, PLACEBO = "mart.rotation", "mart.rotation_log", "mart.rotation_placebo"

points_stand_in_their_quadrants = rotation.points_check(POINTS)
stays_cover_the_points = rotation.log_check(LOG, POINTS)
bands_are_bands = rotation.placebo_check(PLACEBO)
